/** Fetching the history instead of waiting for it. */
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { createTestHub } from './support/create-test-hub.ts'
import { expectProblem, sendRaw } from './support/problems.ts'

interface Page {
  data: { id: string; type: string; headers: Record<string, string>; body: string }[]
  next: string
  has_more: boolean
}

describe('pulling events', () => {
  it('gives every event once, as it was delivered, in the order of commits', async () => {
    const hub = await createTestHub()
    for (let i = 0; i < 5; i += 1) await hub.connect('GARMIN', { referenceId: `person ${i}` })
    await hub.hub.settle()
    const pulled: Page['data'] = []
    for (let after = '0'; ;) {
      const { json } = await hub.call('GET', `/admin/v1/events/pull?after=${after}&limit=2`)
      const page = json as Page
      pulled.push(...page.data)
      after = page.next
      if (!page.has_more) break
    }
    expect(pulled.map(({ body }) => body)).toEqual(hub.app.received.map(({ body }) => body))
    for (const [i, { headers, body }] of pulled.entries()) {
      const delivered = hub.app.received[i]?.headers ?? {}
      expect(headers['x-terra-trace-id']).toBe(delivered['x-terra-trace-id'])
      const [, time = '', hash] =
        /^t=(\d+),v1=(\w+)$/.exec(headers['x-terra-signature'] ?? '') ?? []
      const hmac = createHmac('sha256', hub.destinationSecret).update(`${time}.${body}`)
      expect(hash).toBe(hmac.digest('hex'))
    }
  })

  it('shows no header of the operator, which may hold a credential of the app', async () => {
    const hub = await createTestHub()
    const path = `/admin/v1/destinations/${hub.destinationId}`
    await hub.call('PATCH', path, { headers: { authorization: 'Bearer of-the-app' } })
    await hub.connect('GARMIN')
    await hub.hub.settle()
    expect(hub.app.received[0]?.headers['authorization']).toBe('Bearer of-the-app')
    const { json } = await hub.call('GET', '/admin/v1/events/pull')
    expect((json as Page).data).toHaveLength(1)
    expect(JSON.stringify(json)).not.toContain('of-the-app')
  })

  it('keeps the cursor where nothing has come, and goes on from there', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    const first = (await hub.call('GET', '/admin/v1/events/pull')).json as Page
    expect(first).toMatchObject({ has_more: false })
    const again = await hub.call('GET', `/admin/v1/events/pull?after=${first.next}`)
    expect(again.json).toEqual({ data: [], next: first.next, has_more: false })
    await hub.connect('FITBIT')
    const later = (await hub.call('GET', `/admin/v1/events/pull?after=${first.next}`)).json as Page
    expect(later.data.map(({ type }) => type)).toEqual(['auth'])
  })

  it('leaves out what the destination does not want, and moves on', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    await hub.rows('UPDATE destination SET event_types = ?', '["deauth"]')
    const page = (await hub.call('GET', '/admin/v1/events/pull')).json as Page
    expect(page.data).toEqual([])
    expect(page.next).toMatch(/^[1-9]/)
  })

  it('knows no destination of another environment, and none that is not there', async () => {
    const hub = await createTestHub()
    const other = await hub.addEnvironment('acme-staging')
    const headers = { 'dev-id': other.devId, 'x-api-key': other.apiKey }
    const path = '/admin/v1/events/pull'
    const none = await expectProblem(await sendRaw(hub, { path, headers }), 'destination_not_found')
    expect(none).toMatch(/no destination whose secret/)
    const foreign = `${path}?destination_id=${hub.destinationId}`
    await expectProblem(await sendRaw(hub, { path: foreign, headers }), 'destination_not_found')
  })

  it('says when events after the cursor have been removed', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN', { referenceId: 'tony' })
    const early = (await hub.call('GET', '/admin/v1/events/pull')).json as Page
    await hub.connect('GARMIN', { referenceId: 'pepper' })
    await hub.hub.settle()
    const late = (await hub.call('GET', '/admin/v1/events/pull')).json as Page
    await hub.rows('UPDATE event SET created_at_ms = ?', 0)
    await hub.advanceByMs(3_600_000)
    await hub.connect('GARMIN', { referenceId: 'happy' })
    await hub.hub.settle()
    const path = '/admin/v1/events/pull'
    const ask = async (after: string) => sendRaw(hub, { path: `${path}?after=${after}` })
    await expectProblem(await ask(early.next), 'cursor_expired')
    // Nothing between it and the oldest event that is kept.
    const page = (await hub.call('GET', `${path}?after=${late.next}`)).json as Page
    expect(page.data.map(({ type }) => type)).toEqual(['auth'])
    const all = (await hub.call('GET', path)).json as Page
    expect(all.data).toEqual(page.data)
  })

  it('knows a cursor of another history, whatever its number', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    const { next } = (await hub.call('GET', '/admin/v1/events/pull')).json as Page
    const [number] = next.split('-')
    const path = '/admin/v1/events/pull'
    for (const after of [`${number}-000000000000`, `${Number(number) + 99}`, '99-000000000000']) {
      const answer = await sendRaw(hub, { path: `${path}?after=${after}` })
      await expectProblem(answer, 'cursor_unknown')
    }
    const known = await hub.call('GET', `${path}?after=${number}`)
    expect(known.json).toEqual({ data: [], next: number, has_more: false })
  })
})
