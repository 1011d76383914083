import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { startProduction } from '../../src/cli/production.ts'
import { createLog } from '../../src/system.ts'
import { openTestSchema } from '../support/postgres.ts'
import { createFolder, refusalOf, runCommand } from './run-command.ts'

describe('commands on PostgreSQL', () => {
  it('migrate, examine, and serve in production', async () => {
    const schema = await openTestSchema()
    onTestFinished(async () => await schema.drop())
    const folder = await createFolder()
    await runCommand(['init', '--base-url', 'http://127.0.0.1:4000'], { folder })
    const variables = { DATABASE_URL: schema.url }
    const options = { folder, variables }
    const pending = JSON.parse((await runCommand(['migrate', '--dry-run'], options)).stdout)
    expect(pending.migrations.length).toBeGreaterThan(0)
    const ran = JSON.parse((await runCommand(['migrate'], options)).stdout)
    expect(ran.migrations).toEqual(pending.migrations)
    const nothing = JSON.parse((await runCommand(['migrate'], options)).stdout)
    expect(nothing.migrations).toEqual([])
    const findings = JSON.parse((await runCommand(['doctor'], options)).stdout)
    const database = findings.find(({ check }: { check: string }) => check === 'database')
    expect(database.status).toBe('ok')
    expect(JSON.stringify(findings)).not.toContain(schema.url)
    expect(await refusalOf(['backup', 'x'], 2, options)).toContain('use pg_dump')

    const config = await readConfig({ port: '0' }, { variables, folder })
    const first = await startProduction(config, createLog('silent'))
    // Any number of processes may share it.
    const second = await startProduction(config, createLog('silent'))
    expect([first.added, second.added]).toEqual([['environment my-app-prod'], []])
    expect((await fetch(`${second.url}/healthz`)).status).toBe(200)
    await first.close()
    await second.close()
  })

  it('say when it is not there, without the password', async () => {
    const variables = { DATABASE_URL: 'postgres://firma:hunter2@127.0.0.1:1/firma' }
    const folder = await createFolder()
    const line = await refusalOf(['migrate'], 2, { folder, variables })
    expect(line).toContain('DATABASE_URL is postgres://127.0.0.1:1/firma, which cannot be used')
    expect(line).not.toContain('hunter2')
    const { stdout, exitCode } = await runCommand(['doctor', '--data', join(folder, 'x')], {
      folder,
      variables,
    })
    expect(exitCode).toBe(1)
    expect(stdout).not.toContain('hunter2')
  })
})
