/**
 * A thousand connections are refreshed by processes that end again and again, at a server that ends every
 * grant whose refresh token comes twice, and that takes longer than any lease.
 *
 * `FIRMA_REFRESH_SECONDS=120 npx vitest run packages/hub/test/faults/refresh.test.ts` for longer.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openSqlite } from 'firma-receiver/sqlite'
import { expect, it, onTestFinished } from 'vitest'
import type { Hub } from '../../src/hub.ts'
import { createEnvironment, enableProvider } from '../../src/operations/set-up.ts'
import { findProviderAccess } from '../../src/operations/provider-access.ts'
import { parseTokenSet, toContent } from '../../src/operations/stored-tokens.ts'
import type { TokenSet } from '../../src/oauth/types.ts'
import { openTestSchema } from '../support/postgres.ts'
import { type Chance, chooseSeed, createChance } from '../support/seeded.ts'
import { connectionRow } from '../support/store-rows.ts'
import { type HubProcess, HubProcesses } from './hub-processes.ts'
import { type RotatingServer, startRotatingServer } from './rotating-server.ts'
import { type HubProcessSettings, TEST_KEYS } from './settings.ts'
import { openWatchedHub } from '../support/watched-hub.ts'

const seed = chooseSeed()
const SECONDS = Number(process.env['FIRMA_REFRESH_SECONDS'] ?? 10)
const CONNECTIONS = 1_000
/** On a machine where processes start slowly, it takes longer instead. */
const ENDINGS_MIN = 4
const DEV_ID = 'torture'
/** Shorter than half of the server's answers. */
const REFRESH_TIMES = { leaseMs: 750, waitMs: 5_000 }

async function openDatabase(engine: 'sqlite' | 'postgres'): Promise<{
  settings: Omit<HubProcessSettings, 'baseUrl'>
  hub: Hub
  /** Where one process owns the file, this one has to let go of it. */
  release(): Promise<void>
  reopen(): Promise<Hub>
}> {
  const options = { baseUrl: 'http://127.0.0.1:1', keys: TEST_KEYS, allowedRanges: ['127.0.0.0/8'] }
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  if (engine === 'postgres') {
    const schema = await openTestSchema()
    onTestFinished(async () => await schema.drop())
    const hub = await openWatchedHub({ ...options, log, postgresUrl: schema.url })
    onTestFinished(async () => await hub.close())
    const settings = { postgresUrl: schema.url, refreshTimes: REFRESH_TIMES }
    return { settings, hub, release: async () => undefined, reopen: async () => hub }
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'firma-torture-'))
  onTestFinished(async () => await rm(folder, { recursive: true }))
  const sqlitePath = path.join(folder, 'hub.db')
  const open = async () => {
    const sqlite = await openSqlite(sqlitePath)
    const hub = await openWatchedHub({ ...options, log, sqlite })
    const close = async () => {
      await hub.close()
      await sqlite.close()
    }
    return { hub, close }
  }
  const first = await open()
  return {
    settings: { sqlitePath, refreshTimes: REFRESH_TIMES },
    hub: first.hub,
    release: first.close,
    reopen: async () => {
      const again = await open()
      onTestFinished(again.close)
      return again.hub
    },
  }
}

/** @returns The API key, and the users. */
async function fill(hub: Hub, server: RotatingServer, allowsLostAnswers: boolean) {
  const { deps } = hub
  const { apiKey } = await createEnvironment(deps, { id: DEV_ID, name: 'Torture' })
  await enableProvider(deps, {
    environmentId: DEV_ID,
    provider: 'OURA',
    clientId: 'client',
    clientSecret: 'secret',
    noticeKey: 'unused',
    originOverrides: { 'https://api.ouraring.com': server.url },
    overrides: allowsLostAnswers ? { lifetimes: { refreshRotation: 'at_first_use' } } : {},
  })
  const access = await findProviderAccess(deps, DEV_ID, 'OURA')
  if (access === undefined) throw new TypeError('the provider is not enabled')
  const nowMs = Date.now()
  const lineages = Array.from({ length: CONNECTIONS }, (_, i) => `lineage-${i}`)
  await deps.store.transaction(async (tx) => {
    for (const lineageId of lineages) {
      const row = connectionRow({ lineageId, environmentId: DEV_ID, provider: 'OURA' })
      await tx.connections.save(row, nowMs)
      const tokenSet: TokenSet = {
        ...server.issue(),
        tokenType: 'bearer',
        obtainedAtMs: nowMs,
        // Spread, as if they had connected one after the other.
        expiresAtMs: nowMs + 20_000 + Math.round(deps.random.fraction() * 10_000),
      }
      const of = { environmentId: DEV_ID, lineageId, provider: 'OURA', version: 1 }
      await tx.tokenSets.save(of, toContent(deps, access.provider, tokenSet), nowMs)
    }
  })
  return { apiKey, lineages }
}

/** Apps call all the time, through whichever process answers. */
function call(url: string, apiKey: string, lineages: readonly string[], chance: Chance) {
  const state = { isStopped: false, answers: 0 }
  const run = async (): Promise<void> => {
    while (!state.isStopped) {
      const path = `/v2/proxy/user-of-${chance.pick(lineages)}/v2/usercollection/personal_info`
      const headers = { 'dev-id': DEV_ID, 'x-api-key': apiKey }
      await fetch(url + path, { headers })
        .then(async (response) => {
          await response.text()
          if (response.ok) state.answers += 1
        })
        // Its process was killed, before the answer or in the middle of it.
        .catch(() => undefined)
    }
  }
  const running = Promise.all(Array.from({ length: 8 }, run))
  return {
    state,
    stop: async () => {
      state.isStopped = true
      await running
    },
  }
}

it.each([
  // Nobody may be cut off between the server's rotation and our commit: processes are asked to end.
  { engine: 'postgres', ending: 'SIGTERM', allowsLostAnswers: false, processCount: 4 },
  { engine: 'postgres', ending: 'SIGKILL', allowsLostAnswers: true, processCount: 4 },
  { engine: 'sqlite', ending: 'SIGKILL', allowsLostAnswers: true, processCount: 1 },
] as const)(
  `loses none of ${CONNECTIONS} connections with $processCount processes on $engine that end by $ending (FIRMA_SEED=${seed})`,
  { timeout: 600_000 + SECONDS * 4_000 },
  async ({ engine, ending, allowsLostAnswers, processCount }) => {
    const chance = createChance(seed)
    const server = await startRotatingServer(chance, allowsLostAnswers)
    const database = await openDatabase(engine)
    const { apiKey, lineages } = await fill(database.hub, server, allowsLostAnswers)
    await database.release()
    const processes = await HubProcesses.open(database.settings)
    onTestFinished(async () => {
      await processes.close()
      await server.close()
    })
    const running: HubProcess[] = []
    for (let i = 0; i < processCount; i += 1) running.push(await processes.start())
    const caller = call(processes.url, apiKey, lineages, chance)
    const end = async (victim: HubProcess | undefined): Promise<void> => {
      if (ending === 'SIGKILL') await victim?.kill()
      else await victim?.end('SIGTERM')
    }
    let endings = 0
    const untilMs = Date.now() + SECONDS * 1_000
    const isEnough = (): boolean => endings >= ENDINGS_MIN && server.refreshed > CONNECTIONS / 10
    for (; Date.now() < untilMs || !isEnough(); endings += 1) {
      const enough = caller.state.answers + chance.integer(20, 400)
      await expect
        .poll(() => caller.state.answers, { timeout: 300_000, interval: 5 })
        .toBeGreaterThanOrEqual(enough)
      const [victim] = running.splice(chance.integer(0, running.length - 1), 1)
      await end(victim)
      running.push(await processes.start())
    }
    await caller.stop()
    // The last ones finish what they have begun.
    for (const one of running) await one.end('SIGTERM')

    const hub = await database.reopen()
    const lost: string[] = []
    for (const lineageId of lineages) {
      const stored = await hub.deps.store.tokenSets.find(DEV_ID, lineageId)
      const refreshToken = stored && parseTokenSet(stored.json).refreshToken
      if (refreshToken === undefined || !server.isUsable(refreshToken)) lost.push(lineageId)
    }
    console.info(
      `${engine}, ${ending}: ${endings} endings, ${server.refreshed} refreshes, ${caller.state.answers} data calls, ${server.reused} reused, ${lost.length} lost`,
    )
    expect({ lost, reused: server.reused }).toEqual({ lost: [], reused: 0 })
    const events = await hub.deps.store.events.list(DEV_ID, {}, { limit: 10 })
    expect(events.map(({ type }) => type)).toEqual([])
  },
)
