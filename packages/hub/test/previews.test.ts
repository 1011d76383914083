/** Programs that look at a link before its person does. */
import { describe, expect, it } from 'vitest'
import { createPerson } from '../src/simulator/person.ts'
import { createTestHub } from './support/create-test-hub.ts'

const LOOKS: readonly (readonly [string, RequestInit])[] = [
  ['a HEAD request', { method: 'HEAD' }],
  ['a prefetch', { headers: { 'sec-purpose': 'prefetch' } }],
  ['a prerender', { headers: { 'sec-purpose': 'prefetch;prerender' } }],
  ['an older prefetch', { headers: { purpose: 'prefetch' } }],
]

describe('a program that looks at a link', () => {
  it.each(LOOKS)('by %s does not take it from its person', async (_name, init) => {
    const hub = await createTestHub()
    const link = await hub.createLink()
    const look = await fetch(link, { ...init, redirect: 'manual' })
    expect(look.status).toBe(204)
    expect(look.headers.get('set-cookie')).toBeNull()
    const page = await createPerson({ login: 'tony' }).request(link)
    expect(page.status).toBe(200)
  })

  it.each(LOOKS)('of authenticateUser by %s starts nothing', async (_name, init) => {
    const hub = await createTestHub()
    const { json } = await hub.call('POST', '/v2/auth/authenticateUser?resource=GARMIN', {})
    expect((await fetch(json.auth_url, { ...init, redirect: 'manual' })).status).toBe(204)
    const departure = await createPerson({ login: 'tony' }).request(json.auth_url)
    expect(departure.status).toBe(303)
  })
})

describe('a form of the connect page', () => {
  it('that names no provider says that it could not be read, and ends nothing', async () => {
    const hub = await createTestHub()
    const person = createPerson({ login: 'tony' })
    const link = await hub.createLink()
    await person.request(link)
    const answer = await person.request(`${link}/connect`, new URLSearchParams())
    expect(answer.status).toBe(400)
    expect(await answer.text()).toContain('That choice could not be read')
    expect((await person.request(link)).status).toBe(200)
  })
})
