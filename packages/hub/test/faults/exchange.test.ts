/** A process is killed while it exchanges a grant for one of the provider's successor. */
import { expect, it, onTestFinished } from 'vitest'
import {
  createEnvironment,
  enableProvider,
  providerAddresses,
} from '../../src/operations/set-up.ts'
import { createPerson } from '../../src/simulator/person.ts'
import { startSimulator } from '../../src/simulator/simulator.ts'
import { openTestSchema } from '../support/postgres.ts'
import { wrapPostgres } from '../support/test-database.ts'
import { HubProcesses } from './hub-processes.ts'
import { TEST_KEYS } from './settings.ts'
import { openWatchedHub } from '../support/watched-hub.ts'

const DEV_ID = 'exchange'
/** It nominally goes on after 8 to 11 s. */
const TAKEOVER_MS_MAX = 240_000

async function openWorld() {
  const schema = await openTestSchema()
  const database = wrapPostgres(schema)
  const processes = await HubProcesses.open({ postgresUrl: schema.url })
  const simulator = await startSimulator({ noticeDelaysMs: [] })
  onTestFinished(async () => {
    await processes.close()
    await simulator.close()
    await database.close()
    await schema.drop()
  })
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const options = { ...database.options, baseUrl: processes.url, keys: TEST_KEYS, log }
  const hub = await openWatchedHub(options)
  const { apiKey } = await createEnvironment(hub.deps, { id: DEV_ID, name: 'Exchange' })
  for (const provider of ['GARMIN_OAUTH1', 'GARMIN']) {
    const { redirectUri, noticeKey } = providerAddresses(hub.deps, DEV_ID, provider)
    const app = simulator.registerApp({ resource: provider, redirectUris: [redirectUri] })
    const { originOverrides } = simulator
    const environmentId = DEV_ID
    await enableProvider(hub.deps, { environmentId, provider, ...app, noticeKey, originOverrides })
  }
  await hub.close()
  const call = async (path: string, body: object): Promise<any> => {
    const response = await fetch(processes.url + path, {
      method: 'POST',
      headers: { 'dev-id': DEV_ID, 'x-api-key': apiKey, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(response.status).toBe(200)
    return await response.json()
  }
  return { rows: database.rows, processes, simulator, call }
}

it(
  'goes on in another process, once, and loses nobody',
  { timeout: TAKEOVER_MS_MAX + 120_000 },
  async () => {
    const { rows, processes, simulator, call } = await openWorld()
    const first = await processes.start()
    const { auth_url: link } = await call('/v2/auth/authenticateUser?resource=GARMIN_OAUTH1', {
      reference_id: 'ann',
    })
    const ann = createPerson({ login: 'ann' })
    const departure = await ann.request(link)
    await ann.request(await ann.authorize(departure.headers.get('location') ?? ''))
    simulator.fail('GARMIN_OAUTH1', { exchangeEndpoint: { hangMs: 3_600_000, times: 1 } })
    await call('/admin/v1/moves', { from: 'GARMIN_OAUTH1' })
    await expect
      .poll(
        async () => await rows('SELECT claim_id FROM provider_move_user WHERE claim_id > ?', ''),
      )
      .toHaveLength(1)
    await first.kill()
    expect(await rows('SELECT provider, status FROM connection')).toEqual([
      { provider: 'GARMIN_OAUTH1', status: 'active' },
    ])
    simulator.heal('GARMIN_OAUTH1')
    await processes.start()
    await expect
      .poll(async () => await rows('SELECT status FROM provider_move_user'), {
        timeout: TAKEOVER_MS_MAX,
      })
      .toEqual([{ status: 'connected' }])
    expect(await rows('SELECT provider, status FROM connection')).toEqual([
      { provider: 'GARMIN', status: 'active' },
    ])
    const events = await rows('SELECT type FROM event ORDER BY seq')
    expect(events.map(({ type }) => type)).toEqual(['auth', 'user_reauth', 'auth'])
    expect(await rows('SELECT lineage_id FROM token_set')).toHaveLength(1)
  },
)
