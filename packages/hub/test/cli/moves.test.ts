import { describe, expect, it } from 'vitest'
import { enableProvider } from '../../src/operations/set-up.ts'
import { DEV_ID } from '../support/create-test-hub.ts'
import { askJson, openHub } from './open-hub.ts'
import { runCommand } from './run-command.ts'

describe('firma moves', () => {
  it('plans, starts, makes links, shows how far it is, and ends', async () => {
    const { hub, options } = await openHub()
    const refused = await runCommand(['moves', 'start', 'FITBIT', '--dry-run', '--json'], options)
    expect(refused.exitCode).toBe(1)
    expect(refused.stdout).toContain('this environment does not have GOOGLE')
    const app = { environmentId: DEV_ID, clientId: 'client', clientSecret: 'secret' }
    const { originOverrides } = hub.simulator
    await enableProvider(hub.hub.deps, {
      ...app,
      provider: 'GOOGLE',
      noticeKey: 'unused',
      originOverrides,
    })
    await hub.connect('FITBIT', { referenceId: 'pepper' })
    const plan = await askJson(['moves', 'start', 'fitbit', '--dry-run'], options)
    expect(plan).toMatchObject({ dry_run: true, to: 'GOOGLE', total: 1, obstacles: [] })
    const move = await askJson(['moves', 'start', 'FITBIT', '--yes'], options)
    expect(move).toMatchObject({ from: 'FITBIT', to: 'GOOGLE', total: 1, to_do: 1 })
    expect(await askJson(['moves', 'links', move.id, '--dry-run'], options)).toMatchObject({
      to_do: 1,
    })
    const links = await askJson(['moves', 'links', move.id, '--days', '2'], options)
    expect(links).toMatchObject([{ reference_id: 'pepper' }])
    expect(await askJson(['moves', 'links', move.id], options)).toEqual([])
    expect(await askJson(['moves', 'users', move.id, '--state', 'linked'], options)).toHaveLength(1)
    expect(await askJson(['moves', 'pause', move.id], options)).toMatchObject({ status: 'paused' })
    expect(await askJson(['moves', 'end', move.id, '--yes'], options)).toMatchObject({
      status: 'ended',
    })
    expect(await askJson(['moves', 'list'], options)).toMatchObject([{ linked: 1 }])
  })
})
