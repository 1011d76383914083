/** Masked labels: whose account at the app a link is for, and which account at the provider was connected. */
import { expect, it } from 'vitest'
import { LANGUAGES } from '../src/http/widget/language.ts'
import { createPerson } from '../src/simulator/person.ts'
import { type TestHub, createTestHub } from './support/create-test-hub.ts'

const CONFIRM = '/v2/auth/confirmConnection'

async function pageOf(hub: TestHub, body: Record<string, unknown>, path = ''): Promise<string> {
  const link = await hub.createLink(body)
  return await (await createPerson({ login: 'tony' }).request(link + path)).text()
}

it('shows on the connect page whose account at the app it is for, in every language', async () => {
  const hub = await createTestHub()
  const account_label = 'mallory@example.org'
  for (const [language, { messages }] of Object.entries(LANGUAGES)) {
    const page = await pageOf(hub, { account_label, language })
    expect(page).toContain('<bdi>m•••@e•••.org</bdi>')
    expect(page).toContain(messages.choose.account)
    expect(page).toContain(messages.choose.notYours)
    expect(page).not.toContain('mallory')
  }
})

it.each([{}, { account_label: null }, { account_label: '' }, { account_label: '\u200B' }])(
  'shows no account where the app names none: %j',
  async (body) => {
    const hub = await createTestHub()
    const page = await pageOf(hub, body)
    expect(page).not.toContain(LANGUAGES.en.messages.choose.account)
  },
)

it('shows a label as text', async () => {
  const hub = await createTestHub()
  const page = await pageOf(hub, { account_label: '<b>mallory@"example.org' })
  expect(page).toContain('<bdi>&lt;•••@&quot;•••.org</bdi>')
})

it('shows people and operators which account at the provider is connected', async () => {
  const hub = await createTestHub()
  const userId = (await hub.connect('OURA')).searchParams.get('user_id')
  const page = await pageOf(hub, { show_disconnect: true }, '/connections')
  expect(page).toContain('<bdi>t•••@e•••.com</bdi>')
  const { json } = await hub.call('GET', `/admin/v1/users/${userId}`)
  expect(json.user).toMatchObject({ account_label: 't•••@e•••.com' })
  // A reconnection through another account shows that one.
  const person = createPerson({ login: 'stark' })
  const again = (await hub.connect('OURA', { person })).searchParams.get('user_id')
  const { json: after } = await hub.call('GET', `/admin/v1/users/${again}`)
  expect(after.user).toMatchObject({ account_label: 's•••@e•••.com' })
})

it('has none where the provider does not say', async () => {
  const hub = await createTestHub()
  const userId = (await hub.connect('GARMIN')).searchParams.get('user_id')
  const { json } = await hub.call('GET', `/admin/v1/users/${userId}`)
  expect(json.user).toMatchObject({ account_label: null })
})

it('tells the app which account it has confirmed', async () => {
  const hub = await createTestHub({
    settings: { connect: { confirmation: 'required', accountPolicy: 'allow' } },
  })
  const landing = await hub.connect('OURA')
  const confirm_code = landing.searchParams.get('confirm_code')
  const answer = await hub.call('POST', CONFIRM, { confirm_code, reference_id: 'tony_stark' })
  expect(answer.json).toMatchObject({ status: 'success', account_label: 't•••@e•••.com' })
})

it('forgets both with the connection and with the person', async () => {
  const hub = await createTestHub()
  const link = await hub.createLink({ account_label: 'tony@example.org' })
  const userId = (await hub.connect('OURA')).searchParams.get('user_id')
  expect(link).toContain('/session/')
  const labels = async () => [
    ...(await hub.rows('SELECT account_label AS label FROM connection')),
    ...(await hub.rows('SELECT account_label AS label FROM widget_session ORDER BY created_at_ms')),
  ]
  expect((await labels()).map(({ label }) => label)).toContain('t•••@e•••.com')
  await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
  expect((await labels())[0]).toEqual({ label: null })
  const erased = await hub.call('DELETE', '/admin/v1/people/tony_stark')
  expect(erased.status).toBe(200)
  for (const { label } of await labels()) expect(label).toBeNull()
})
