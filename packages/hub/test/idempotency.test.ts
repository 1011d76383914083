/** Requests that are sent twice with one `Idempotency-Key`: done once, whatever breaks meanwhile. */
import { describe, expect, it } from 'vitest'
import { createApiKey } from '../src/operations/api-keys.ts'
import { DEV_ID, type TestHub, createTestHub } from './support/create-test-hub.ts'
import { type RawRequest, countRows, expectProblem, sendRaw } from './support/problems.ts'

const MINUTE_MS = 60_000

function post(key: string, path: string, body: object): RawRequest {
  return {
    method: 'POST',
    path,
    headers: { 'idempotency-key': key, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }
}

const session = (key: string, body: object = { reference_id: 'tony_stark' }) =>
  post(key, '/v2/auth/generateWidgetSession', body)

/** Lets the database refuse to keep answers, as if the process ended right there. @returns What heals it. */
async function refuseAnswers({ database }: TestHub): Promise<() => Promise<void>> {
  const [add, drop] =
    'sqlite' in database.options
      ? [
          `CREATE TRIGGER no_answer BEFORE UPDATE OF answer_sealed ON idempotency
           BEGIN SELECT RAISE(ABORT, 'no answer is kept'); END`,
          'DROP TRIGGER no_answer',
        ]
      : [
          'ALTER TABLE idempotency ADD CONSTRAINT no_answer CHECK (answer_sealed IS NULL)',
          'ALTER TABLE idempotency DROP CONSTRAINT no_answer',
        ]
  await database.execute(add)
  return async () => await database.execute(drop)
}

/** Lets every key be taken over by another request while a widget session is made. */
async function takeKeysOver({ database }: TestHub): Promise<void> {
  const statement = 'UPDATE idempotency SET claim_until_ms = claim_until_ms + 1;'
  await database.execute(
    'sqlite' in database.options
      ? `CREATE TRIGGER taken AFTER INSERT ON widget_session BEGIN ${statement} END`
      : `CREATE FUNCTION taken() RETURNS trigger LANGUAGE plpgsql
           AS $$ BEGIN ${statement} RETURN NEW; END $$;
         CREATE TRIGGER taken AFTER INSERT ON widget_session
           FOR EACH ROW EXECUTE FUNCTION taken()`,
  )
}

describe('Idempotency-Key', () => {
  it('does a request once and answers it alike for a day', async () => {
    const hub = await createTestHub()
    const first = await sendRaw(hub, session('k'))
    await hub.hub.settle()
    const made = await countRows(hub)
    const second = await sendRaw(hub, session('k'))
    expect(second.headers.get('idempotent-replayed')).toBe('true')
    expect([second.status, second.headers.get('content-type')]).toEqual([200, 'application/json'])
    expect(await second.json()).toEqual(await first.json())
    expect(await countRows(hub)).toEqual(made)
    hub.clock.moveTo(hub.clock.nowMs() + 24 * 3_600_000)
    const third = await sendRaw(hub, session('k'))
    expect(third.headers.get('idempotent-replayed')).toBeNull()
  })

  it('is not needed for a POST that only reads, which answers anew', async () => {
    const hub = await createTestHub()
    for (const [index, referenceId] of ['tony_stark', 'pepper'].entries()) {
      await hub.connect('GARMIN', { referenceId })
      await hub.hub.settle()
      const answer = await sendRaw(hub, post('k', '/admin/v1/resends/preview', {}))
      expect(await answer.json()).toMatchObject({ events: index + 1 })
    }
    expect(await hub.rows('SELECT * FROM idempotency')).toEqual([])
  })

  it('is refused for another request, and while the first one runs', async () => {
    const hub = await createTestHub()
    const answers = await Promise.all(
      Array.from({ length: 4 }, async () => await sendRaw(hub, session('k'))),
    )
    const refused = answers.filter(({ status }) => status !== 200)
    for (const response of refused) {
      expect(response.headers.get('retry-after')).toBe('1')
      await expectProblem(response, 'request_in_progress')
    }
    expect((await hub.rows('SELECT id FROM widget_session')).length).toBe(1)
    const other = await sendRaw(hub, session('k', { reference_id: 'pepper' }))
    await expectProblem(other, 'idempotency_key_reused')
    await expectProblem(await sendRaw(hub, session('x'.repeat(256))), 'bad_request')
  })

  it('belongs to one key and environment', async () => {
    const hub = await createTestHub()
    const staging = await hub.addEnvironment('acme-staging')
    const first = await sendRaw(hub, session('k'))
    const request = session('k')
    const credentials = { 'dev-id': staging.devId, 'x-api-key': staging.apiKey }
    const headers = { ...request.headers, ...credentials }
    const second = await sendRaw(hub, { ...request, headers })
    expect(second.headers.get('idempotent-replayed')).toBeNull()
    expect(await second.json()).not.toEqual(await first.json())
  })

  it('may be used again when the request failed', async () => {
    const hub = await createTestHub()
    await expectProblem(
      await sendRaw(hub, session('k', { providers: 'PEBBLE' })),
      'resource_unknown',
    )
    expect((await sendRaw(hub, session('k'))).status).toBe(200)
  })
})

describe('the work behind an Idempotency-Key', () => {
  it('is undone where its answer cannot be kept, and done when it is asked for again', async () => {
    const hub = await createTestHub()
    await hub.hub.settle()
    const before = await countRows(hub)
    const heal = await refuseAnswers(hub)
    expect((await sendRaw(hub, session('k'))).status).toBe(500)
    expect(await countRows(hub)).toEqual(before)
    await heal()
    expect((await sendRaw(hub, session('k'))).status).toBe(200)
    expect(await hub.rows('SELECT id FROM widget_session')).toHaveLength(1)
  })

  it('is undone where another request has taken the key over', async () => {
    const hub = await createTestHub()
    await takeKeysOver(hub)
    await expectProblem(await sendRaw(hub, session('k')), 'request_in_progress')
    expect(await hub.rows('SELECT id FROM widget_session')).toEqual([])
  })

  it('is announced and sent at once', async () => {
    const hub = await createTestHub()
    const user_id = (await hub.connect('GARMIN')).searchParams.get('user_id')
    const generate = '/admin/v1/events/generate'
    const bodies = [{ type: 'daily', user_id }, { example: 'auth_cancelled' }]
    for (const body of [...bodies, ...bodies]) {
      const response = await sendRaw(hub, post(JSON.stringify(body), generate, body))
      expect(response.status).toBe(201)
    }
    await hub.hub.settle()
    expect(hub.app.accepted.toSorted()).toEqual(['auth', 'auth_cancelled', 'daily'])
  })

  it('leaves nothing behind when it is refused', async () => {
    const hub = await createTestHub()
    await hub.hub.settle()
    const before = await countRows(hub)
    const body = { type: 'daily', user_id: 'nobody' }
    const request = post('k', '/admin/v1/events/generate', body)
    for (const _ of [1, 2]) await expectProblem(await sendRaw(hub, request), 'user_not_found')
    expect(await countRows(hub)).toEqual(before)
  })

  it('is never done again where it may have reached others', async () => {
    const hub = await createTestHub()
    const request = post('k', `/admin/v1/destinations/${hub.destinationId}/test`, {})
    const heal = await refuseAnswers(hub)
    expect((await sendRaw(hub, request)).status).toBe(500)
    await expectProblem(await sendRaw(hub, request), 'request_in_progress')
    await heal()
    hub.clock.moveTo(hub.clock.nowMs() + MINUTE_MS)
    await expectProblem(await sendRaw(hub, request), 'request_interrupted')
    expect(hub.app.accepted).toEqual(['healthcheck'])
    hub.clock.moveTo(hub.clock.nowMs() + 24 * 60 * MINUTE_MS)
    expect((await sendRaw(hub, request)).status).toBe(200)
    expect(hub.app.accepted).toEqual(['healthcheck', 'healthcheck'])
  })

  it('gives a secret that is shown once to whoever asks again', async () => {
    const hub = await createTestHub()
    const { secret } = await createApiKey(hub.hub.deps, 'test', { environmentId: null, name: 'o' })
    const request = post('k', '/admin/v1/keys', { name: 'CI' })
    const headers = { ...request.headers, 'x-api-key': secret, 'dev-id': DEV_ID }
    const answers = []
    for (const _ of [1, 2]) answers.push(await (await sendRaw(hub, { ...request, headers })).json())
    expect(answers[1]).toEqual(answers[0])
    expect(answers[0]).toHaveProperty('api_key')
  })
})
