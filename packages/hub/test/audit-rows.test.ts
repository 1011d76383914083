/** What the audit log says of changes that come by other ways than the admin API. */
import { describe, expect, it } from 'vitest'
import { applyDeclaration, type Declaration } from '../src/operations/apply-declaration.ts'
import { Redacted } from '../src/secret.ts'
import { DEV_ID, createTestHub } from './support/create-test-hub.ts'

describe('the audit log', () => {
  it('names who disconnected a user by the API of apps', async () => {
    const hub = await createTestHub()
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
    const { json } = await hub.call('GET', '/admin/v1/audit?action=user.disconnect')
    expect(json.data).toEqual([
      expect.objectContaining({ subject: userId, actor: expect.stringMatching(/^key:/) }),
    ])
  })

  it('has a row for each change that the configuration file makes, and none for a restart', async () => {
    const hub = await createTestHub()
    const read = async (): Promise<unknown[]> =>
      await hub.rows(
        "SELECT action, subject FROM audit WHERE actor = 'configuration file' ORDER BY id",
      )
    const declared: Declaration = {
      id: DEV_ID,
      matchPolicy: 'account',
      apiKey: new Redacted(hub.apiKey),
      providers: [
        {
          provider: 'WHOOP',
          clientId: 'abc',
          clientSecret: new Redacted('s3cret'),
          noticeKey: undefined,
          secrets: new Redacted({}),
          overrides: {},
        },
      ],
      destinations: [
        { url: 'https://app.example/hooks', secret: new Redacted('0123456789abcdef0123456789') },
      ],
    }
    await applyDeclaration(hub.hub.deps, declared)
    const rows = [
      { action: 'environment.change', subject: DEV_ID },
      { action: 'provider.enable', subject: 'WHOOP' },
      { action: 'destination.create', subject: expect.any(String) },
    ]
    expect(await read()).toEqual(rows)
    await applyDeclaration(hub.hub.deps, declared)
    expect(await read()).toEqual(rows)
    const providers = declared.providers.map((one) => ({ ...one, clientId: 'def' }))
    await applyDeclaration(hub.hub.deps, { ...declared, providers })
    expect(await read()).toEqual([...rows, { action: 'provider.change', subject: 'WHOOP' }])
  })
})
