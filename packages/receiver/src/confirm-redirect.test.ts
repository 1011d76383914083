import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startApiServer, type ApiServer } from '../test/api-server.ts'
import { user } from '../test/histories.ts'
import { NOW_MS, SECRET, sign } from '../test/send.ts'
import type { ApiOptions } from './api-client.ts'
import { createReceiver } from './receiver.ts'
import type { Receiver } from './receiver-api.ts'
import { signRedirect } from './redirect.ts'
import { memoryStore } from './stores/memory.ts'

let api: ApiServer
let nowMs: number
let receiver: Receiver

const options = (): ApiOptions => ({ baseUrl: api.baseUrl, devId: 'dev-1', apiKey: 'key-1' })
const send = async (type: string, userId: string, agoMs: number): Promise<void> => {
  const time = { 'X-Terra-Ordering-Timestamp': String(NOW_MS - agoMs) }
  await receiver.receive(await sign({ type, status: 'success', user: user(userId) }, time))
}

beforeEach(async () => {
  api = await startApiServer()
  nowMs = NOW_MS
  receiver = createReceiver({ secrets: [SECRET], store: memoryStore(), clock: () => nowMs })
})
afterEach(async () => {
  await api.close()
})

describe('confirmRedirect', () => {
  const url = 'https://app.example/ok?user_id=a&reference_id=tony_stark&resource=GARMIN'

  it('waits for an event, and is then confirmed by it', async () => {
    expect(await receiver.confirmRedirect(url)).toMatchObject({ status: 'pending' })
    await send('auth', 'a', 0)
    expect(await receiver.confirmRedirect(url)).toMatchObject({
      status: 'confirmed',
      by: 'event',
      connection: { userId: 'a' },
    })
  })

  it('asks the API when no event has come, and believes no answer that fails', async () => {
    api.odd = () => ({ status: 500, body: '' })
    expect(await receiver.confirmRedirect(url, { api: options() })).toMatchObject({
      status: 'pending',
      failure: { reason: 'status' },
    })
    api.odd = undefined
    api.users = [user('a')]
    expect(await receiver.confirmRedirect(url, { api: options() })).toMatchObject({
      status: 'confirmed',
      by: 'api',
      connection: { referenceId: 'tony_stark' },
    })
  })

  it('refuses what belongs to somebody else, or to another provider', async () => {
    await send('auth', 'a', 0)
    const typed = 'https://app.example/ok?user_id=a'
    const refused = { status: 'refused', reason: 'other_end_user' }
    expect(await receiver.confirmRedirect(typed, { referenceId: 'pepper' })).toMatchObject(refused)
    expect(await receiver.confirmRedirect(url, { referenceId: 'pepper' })).toMatchObject(refused)
    expect(
      await receiver.confirmRedirect(`${typed}&reference_id=pepper`, { referenceId: 'pepper' }),
    ).toMatchObject(refused)
    expect(await receiver.confirmRedirect(`${typed}&resource=FITBIT`)).toMatchObject({
      reason: 'other_provider',
    })
    expect(await receiver.confirmRedirect(typed, { referenceId: 'tony_stark' })).toMatchObject({
      status: 'confirmed',
    })
  })

  it('believes a signature of the hub, and refuses a wrong or an old one', async () => {
    const parameters = { user_id: 'a', reference_id: 'tony_stark', resource: 'GARMIN' }
    const expires = NOW_MS / 1_000 + 60
    const signed = new URL(url)
    for (const [name, value] of Object.entries(await signRedirect(parameters, 's', expires))) {
      signed.searchParams.set(name, value)
    }
    const genuine = { status: 'confirmed', by: 'signature', connection: undefined }
    expect(await receiver.confirmRedirect(signed, { secret: 's' })).toMatchObject(genuine)
    const refused = { status: 'refused', reason: 'signature' }
    expect(await receiver.confirmRedirect(signed, { secret: 'other' })).toMatchObject(refused)
    const required = { secret: 's', isSignatureRequired: true }
    expect(await receiver.confirmRedirect(url, required)).toMatchObject(refused)
    expect(await receiver.confirmRedirect(url, { secret: 's' })).toMatchObject({
      status: 'pending',
    })
    nowMs += 61_000
    expect(await receiver.confirmRedirect(signed, { secret: 's' })).toMatchObject(refused)
    await expect(receiver.confirmRedirect(signed, { secret: '' })).rejects.toMatchObject({
      reason: 'secret_missing',
    })
  })

  describe('of a hub that waits for the app', () => {
    const held = 'https://app.example/ok?confirm_code=c&reference_id=tony_stark&resource=GARMIN'
    const session = () => ({ referenceId: 'tony_stark', api: options() })
    const refuse = (status: number, code: string) => {
      api.odd = ({ pathname }) =>
        pathname === '/v2/auth/confirmConnection' ? { status, body: { code } } : undefined
    }

    it('confirms nothing without the person of a session, or without an API', async () => {
      const unconfirmed = { status: 'unconfirmed', hint: { confirmCode: 'c', userId: undefined } }
      expect(await receiver.confirmRedirect(held)).toMatchObject(unconfirmed)
      expect(await receiver.confirmRedirect(held, { api: options() })).toMatchObject(unconfirmed)
      expect(await receiver.confirmRedirect(held, { referenceId: 'tony_stark' })).toMatchObject(
        unconfirmed,
      )
      expect(api.requests).toEqual([])
    })

    it('confirms for the person of the session, whatever the address says', async () => {
      api.users = [user('a')]
      api.odd = ({ pathname }) =>
        pathname === '/v2/auth/confirmConnection'
          ? { body: { status: 'success', user: user('a') } }
          : undefined
      const foreign = held.replace('tony_stark', 'pepper')
      expect(await receiver.confirmRedirect(foreign, session())).toMatchObject({
        status: 'confirmed',
        by: 'confirmation',
        connection: { userId: 'a', referenceId: 'tony_stark' },
      })
      const told = { confirm_code: 'c', reference_id: 'tony_stark' }
      expect(api.bodies[0]).toBe(JSON.stringify(told))
    })

    it.each([
      [403, 'other_end_user', { status: 'refused', reason: 'other_end_user' }],
      [404, 'confirm_code_unknown', { status: 'failed' }],
      [410, 'confirm_code_expired', { status: 'failed', failure: { httpStatus: 410 } }],
      [409, 'connection_refused', { status: 'failed' }],
      [409, 'confirm_code_used', { status: 'pending' }],
      [503, 'database_unavailable', { status: 'pending' }],
      [401, 'unauthorized', { status: 'pending' }],
    ])('judges %d %s', async (status, code, expected) => {
      refuse(status, code)
      expect(await receiver.confirmRedirect(held, session())).toMatchObject(expected)
    })

    it('finds what a used code has connected, when the page is opened again', async () => {
      refuse(409, 'confirm_code_used')
      await send('auth', 'a', 0)
      expect(await receiver.confirmRedirect(held, session())).toMatchObject({
        status: 'confirmed',
        by: 'event',
        connection: { userId: 'a' },
      })
    })

    it('does not even ask when the signature is wrong', async () => {
      const wrong = `${held}&firma_exp=9999999999&firma_sig=00`
      const answer = await receiver.confirmRedirect(wrong, { ...session(), secret: 's' })
      expect(answer).toMatchObject({ status: 'refused', reason: 'signature' })
      expect(api.requests).toEqual([])
    })
  })

  it('says that a flow failed, and waits for providers that connect in the app', async () => {
    const failed = 'https://app.example/no?reason=access_denied&reference_id=tony_stark'
    expect(await receiver.confirmRedirect(failed)).toMatchObject({
      status: 'failed',
      hint: { reason: 'access_denied' },
    })
    const reserved = await receiver.confirmRedirect(`${failed}&user_id=a`, { api: options() })
    expect(reserved.status).toBe('failed')
    expect(api.requests).toEqual([])
    const inApp = 'https://app.example/ok?user_id=None&resource=APPLE'
    expect(await receiver.confirmRedirect(inApp)).toMatchObject({ status: 'pending' })
  })
})
