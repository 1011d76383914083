/** The provider that docs/adding-a-provider.md adds, connected as it stands there. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { createAuthorization } from '../oauth/authorize.ts'
import { exchangeCode } from '../oauth/exchange.ts'
import { refreshTokenSet } from '../oauth/refresh.ts'
import { revokeGrant } from '../oauth/revoke.ts'
import { createPerson } from '../simulator/person.ts'
import { startSimulator } from '../simulator/simulator.ts'
import { completeProvider, readEntries } from './catalog.ts'
import { withEndpoints } from './endpoints.ts'

const PAGE = new URL('../../../../docs/adding-a-provider.md', import.meta.url)
const REDIRECT_URI = 'https://hub.test/callback'

it('is one file and no code', async () => {
  const [, file = ''] = /```json catalog-entry\n(.*?)```/s.exec(readFileSync(PAGE, 'utf8')) ?? []
  const [entry] = readEntries('example-watch.json', file)
  if (entry === undefined) throw new TypeError('the page has no entry')
  const added = completeProvider(entry)
  const simulator = await startSimulator({ profiles: [{ provider: added }] })
  try {
    const deps = {
      fetch,
      clock: { nowMs: () => Date.now() },
      random: { bytes: randomBytes, fraction: Math.random },
    }
    const provider = withEndpoints(added, simulator.originOverrides)
    const registration = { resource: 'EXAMPLEWATCH', redirectUris: [REDIRECT_URI] }
    const call = { provider, credentials: simulator.registerApp(registration) }
    const basics = { ...call, redirectUri: REDIRECT_URI, state: 'the-state' }
    const { url, codeVerifier } = await createAuthorization(deps, basics)
    const { searchParams } = await createPerson({ login: 'tony' }).authorize(url)
    const granted = await exchangeCode(deps, { ...basics, parameters: searchParams, codeVerifier })
    expect(granted).toMatchObject({ type: 'granted', scopes: ['profile', 'activity:read'] })
    if (granted.type !== 'granted') return
    const refreshed = await refreshTokenSet(deps, { ...call, tokenSet: granted.tokenSet })
    expect(refreshed).toMatchObject({ type: 'refreshed' })
    if (refreshed.type !== 'refreshed') return
    expect(await revokeGrant(deps, { ...call, tokenSet: refreshed.tokenSet })).toEqual({
      type: 'revoked',
    })
  } finally {
    await simulator.close()
  }
})
