import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { type Production, startProduction } from '../../src/cli/production.ts'
import { createSetupToken } from '../../src/operations/operator-login.ts'
import { verifyAudit } from '../../src/operations/verify-audit.ts'
import { createLog } from '../../src/system.ts'
import { openTestSchema } from '../support/postgres.ts'
import { createFolder, refusalOf, runCommand } from './run-command.ts'

const RESET = ['dashboard', 'reset-password']
const BASE_URL = 'http://127.0.0.1:4000'

async function start(options: { folder: string; variables: Record<string, string> }) {
  const config = await readConfig({ port: '0' }, options)
  const production = await startProduction(config, createLog('silent'))
  onTestFinished(async () => await production.close())
  return production
}

/** @returns The cookie of the new session. */
async function choosePassword({ url }: Production, token: string | undefined): Promise<string> {
  const body = JSON.stringify({ setup_token: token, password: 'correct horse battery' })
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(`${url}/admin/v1/setup`, { method: 'POST', headers, body })
  expect(response.status).toBe(201)
  return response.headers.getSetCookie()[0]?.split(';')[0] ?? ''
}

async function statusOf({ url }: Production, cookie: string): Promise<number> {
  return (await fetch(`${url}/admin/v1/session`, { headers: { cookie } })).status
}

describe.each(['sqlite', 'postgres'])('firma dashboard reset-password on %s', (engine) => {
  it('lets whoever has the database choose another password, and ends every login', async () => {
    const folder = await createFolder()
    const variables: Record<string, string> = {}
    if (engine === 'postgres') {
      const schema = await openTestSchema()
      onTestFinished(async () => await schema.drop())
      variables['DATABASE_URL'] = schema.url
    }
    const options = { folder, variables }
    await runCommand(['init', '--base-url', BASE_URL], options)
    let hub = await start(options)
    const cookie = await choosePassword(hub, await createSetupToken(hub.hub.deps))
    expect(await statusOf(hub, cookie)).toBe(200)

    expect(await refusalOf(RESET, 2, options)).toContain('needs a yes')
    const dry = JSON.parse((await runCommand([...RESET, '--dry-run'], options)).stdout)
    expect(dry).toMatchObject({ dry_run: true })
    expect(await statusOf(hub, cookie)).toBe(200)
    if (engine === 'sqlite') await hub.close()
    const { stdout, exitCode } = await runCommand([...RESET, '--yes'], options)
    expect(exitCode).toBe(0)
    const reset = JSON.parse(stdout)
    expect(reset).toMatchObject({ had_password: true, sessions_ended: 1 })
    if (engine === 'sqlite') hub = await start(options)
    expect(await statusOf(hub, cookie)).toBe(401)
    const [page, token] = reset.setup_url.split('#')
    expect(page).toBe(`${BASE_URL}/dashboard/`)
    expect(await statusOf(hub, await choosePassword(hub, token))).toBe(200)
    const { store } = hub.hub.deps
    const linked = await store.auditChains.listRows(null, { after: 0, limit: 9 })
    const loose = await store.auditChains.listRowsUnlinked(null, { after: '', limit: 9 })
    expect([...linked, ...loose].map(({ action }) => action)).toContain('operator.reset')
    expect(await verifyAudit({ store }, null)).toMatchObject({ finding: null })
  })
})

describe('firma dashboard reset-password', () => {
  it('asks a person, and says what became of it', async () => {
    const folder = await createFolder()
    await runCommand(['init', '--base-url', BASE_URL], { folder })
    await runCommand(['migrate'], { folder })
    const no = await runCommand(RESET, { folder, terminal: 100, answers: ['n'] })
    expect([no.exitCode, no.stderr]).toEqual([1, expect.stringContaining('nothing was changed')])
    const yes = await runCommand(RESET, { folder, terminal: 100, answers: ['y'] })
    expect(yes.stdout).toContain('There was no password')
    expect(yes.stdout).toMatch(/ {2}http:\/\/127\.0\.0\.1:4000\/dashboard\/#[\w-]{43}\n/)
  })

  it('refuses where there is no database, an older one, one in use, or other keys', async () => {
    const folder = await createFolder()
    await runCommand(['init', '--base-url', BASE_URL], { folder })
    expect(await refusalOf([...RESET, '--yes'], 2, { folder })).toContain('there is no database at')
    await writeFile(join(folder, 'data/firma.sqlite'), '')
    const older = await refusalOf([...RESET, '--yes'], 2, { folder })
    expect(older).toContain('is of an earlier version; start the hub once, or run firma migrate')
    const hub = await start({ folder, variables: {} })
    const inUse = await refusalOf([...RESET, '--yes'], 2, { folder })
    expect(inUse).toContain('is in use by another Firma')
    await hub.close()
    const variables = { FIRMA_ENCRYPTION_KEYS: `k1:${'0f'.repeat(32)}` }
    const wrong = await refusalOf([...RESET, '--yes'], 2, { folder, variables })
    expect(wrong).toContain('key')
  })
})
