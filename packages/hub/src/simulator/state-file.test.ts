import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { createAuthorization } from '../oauth/authorize.ts'
import { checkGrant } from '../oauth/check.ts'
import { exchangeCode } from '../oauth/exchange.ts'
import { refreshTokenSet } from '../oauth/refresh.ts'
import { withEndpoints } from '../providers/endpoints.ts'
import { createPerson } from './person.ts'
import { PROFILES } from './profile.ts'
import { startSimulator } from './simulator.ts'

const REDIRECT_URI = 'https://hub.test/callback'
const deps = {
  fetch,
  clock: { nowMs: () => Date.now() },
  random: { bytes: randomBytes, fraction: Math.random },
}
const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'firma-simulator-'))
  folders.push(folder)
  return join(folder, 'state.json')
}

describe('a simulator with a state file', () => {
  it.each(['GARMIN', 'GARMIN_OAUTH1', 'WITHINGS'])(
    'knows people’s connections to %s after a restart',
    async (resource) => {
      const stateFile = newFile()
      const registration = { resource, redirectUris: [REDIRECT_URI], clientId: 'demo' }
      const first = await startSimulator({ stateFile })
      const real = PROFILES.get(resource)!.provider
      const before = withEndpoints(real, first.originOverrides)
      const call = { provider: before, credentials: first.registerApp(registration) }
      const basics = { ...call, redirectUri: REDIRECT_URI, state: 'the-state' }
      const { url, codeVerifier } = await createAuthorization(deps, basics)
      const { searchParams } = await createPerson({ login: 'tony' }).authorize(url)
      const granted = await exchangeCode(deps, {
        ...basics,
        parameters: searchParams,
        codeVerifier,
      })
      if (granted.type !== 'granted') throw new TypeError(granted.type)
      await first.close()
      expect(statSync(stateFile).mode & 0o777).toBe(0o600)

      const second = await startSimulator({ stateFile })
      try {
        const provider = withEndpoints(real, second.originOverrides)
        const credentials = second.registerApp({ ...registration, clientSecret: 'new-secret' })
        const { tokenSet, providerAccountId } = granted
        const again = { provider, credentials, tokenSet, providerAccountId }
        expect(await checkGrant(deps, again)).toBe('alive')
        const canRefresh = provider.refresh.kind !== 'never'
        const type = canRefresh ? (await refreshTokenSet(deps, again)).type : 'refreshed'
        expect(type).toBe('refreshed')
        expect(second.accounts(resource)).toMatchObject([
          { login: 'tony', appsConnected: [{ clientId: 'demo' }] },
        ])
      } finally {
        await second.close()
      }
    },
  )

  it('says what to do with a file that it did not write', async () => {
    const stateFile = newFile()
    writeFileSync(stateFile, '{"GARMIN":')
    await expect(startSimulator({ stateFile })).rejects.toThrow('remove it to begin with none')
    expect(readFileSync(stateFile, 'utf8')).toBe('{"GARMIN":')
  })
})
