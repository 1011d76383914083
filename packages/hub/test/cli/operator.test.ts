import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createApiKey } from '../../src/operations/api-keys.ts'
import { type TestHub, DEV_ID } from '../support/create-test-hub.ts'
import { askJson, openHub } from './open-hub.ts'
import { type CommandOptions, createFolder, refusalOf, runCommand } from './run-command.ts'

const GONE = '00000000-0000-4000-8000-000000000000'

describe('what operators set up', () => {
  async function openAsOperator(): Promise<CommandOptions & { hub: TestHub }> {
    const { hub } = await openHub()
    const { secret } = await createApiKey(hub.hub.deps, 'test', {
      environmentId: null,
      name: 'ops',
    })
    const variables = { FIRMA_URL: hub.url, FIRMA_API_KEY: secret, FIRMA_DEV_ID: DEV_ID }
    return { variables, hub }
  }

  it('makes, lists, rotates and ends keys', async () => {
    const options = await openAsOperator()
    const create = ['keys', 'create', '--name', 'reader', '--scope', 'read']
    expect(await askJson([...create, '--dry-run'], options)).toMatchObject({ dry_run: true })
    const made = await askJson([...create, '--expires-in-days', '30'], options)
    expect(made).toMatchObject({ name: 'reader', scopes: ['read'] })
    expect(made.api_key.length).toBeGreaterThan(30)
    const rotated = await askJson(['keys', 'rotate', made.id, '--grace-hours', '2'], options)
    expect(rotated.id).not.toBe(made.id)
    expect(await refusalOf(['keys', 'revoke', made.id], 2, options)).toContain('needs a yes')
    await askJson(['keys', 'revoke', made.id, '--yes'], options)
    const keys = await askJson(['keys', 'list'], options)
    expect(keys.find(({ id }: any) => id === made.id).revoked_at).not.toBeNull()
    const table = await runCommand(['keys', 'list'], { ...options, terminal: 120 })
    expect(table.stdout).not.toContain(rotated.api_key)
    expect(
      await refusalOf(['keys', 'create', '--name', 'x', '--scope', 'all'], 2, options),
    ).toContain('--scope: must be one of ')
    expect(await refusalOf(['keys', 'revoke', GONE, '--yes'], 4, options)).toBeTruthy()
    const own = { variables: { ...options.variables, FIRMA_API_KEY: options.hub.apiKey } }
    expect(await refusalOf(['keys', 'list'], 3, own)).toContain('operator')
  })

  it('makes and shows environments', async () => {
    const options = await openAsOperator()
    const create = ['environments', 'create', 'acme-staging', '--match-policy', 'account']
    expect(await askJson([...create, '--dry-run'], options)).toMatchObject({ dry_run: true })
    const made = await askJson(create, options)
    expect(made).toMatchObject({ dev_id: 'acme-staging', settings: { match_policy: 'account' } })
    expect(made).toHaveProperty('redirect_secret')
    expect(await refusalOf(create, 1, options)).toContain('there is an environment with the dev-id')
    const shown = await askJson(['environments', 'get', 'acme-staging'], options)
    expect(shown).not.toHaveProperty('api_key')
    expect(await refusalOf(['environments', 'get', 'nowhere'], 4, options)).toContain(
      'environment not found',
    )
    expect(await refusalOf(['environments', 'create', 'A b'], 2, options)).toContain('3 to 63')
  })

  it('enables, shows and disables providers', async () => {
    const options = await openAsOperator()
    expect((await askJson(['providers', 'list', '--all'], options)).length).toBeGreaterThan(20)
    const shown = await askJson(['providers', 'show', 'garmin'], options)
    expect(shown.redirect_uri).toContain('/callback/acme-testing/GARMIN')
    const enable = ['providers', 'enable', 'polar', '--client-id', 'abc']
    const dry = await askJson([...enable, '--dry-run'], { ...options, input: 'secret\n' })
    expect(dry).toMatchObject({ dry_run: true, provider: 'POLAR' })
    const pebble = ['providers', 'enable', 'pebble', '--client-id', 'abc', '--dry-run']
    const hint = await refusalOf(pebble, 4, { ...options, input: 'secret\n' })
    expect(hint).toContain('firma providers list --all')
    const enabled = await askJson(enable, { ...options, input: 'secret\n' })
    expect(enabled).toMatchObject({ provider: 'POLAR', enabled: true, client_id: 'abc' })
    expect(await refusalOf(enable, 2, options)).toContain('the client secret is empty')
    const file = [...enable, '--client-secret-file', 'gone']
    expect(await refusalOf(file, 2, options)).toContain('cannot be read')
    const odd = [...enable, '--secret-file', 'x']
    expect(await refusalOf(odd, 2, { ...options, input: 's' })).toContain('must be like name=path')
    const stranger = await createFolder()
    await writeFile(join(stranger, 'x'), 's')
    const unknown = [...enable, '--secret-file', 'nothing=x']
    const refusal = await refusalOf(unknown, 2, { ...options, folder: stranger, input: 's' })
    expect(refusal).toContain('nothing')
    expect(await refusalOf(['providers', 'disable', 'polar'], 2, options)).toContain('needs a yes')
    await askJson(['providers', 'disable', 'polar', '--yes'], options)
    expect(await refusalOf(['providers', 'show', 'GARMN'], 4, options)).toContain(
      'no provider "GARMN"',
    )
  })
})
