/** One of the servers that people connect through, in a process of its own: `server.ts <side> <what the simulator told>`. */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { openSqlite } from 'firma-receiver/sqlite'
import { listen } from '../../packages/hub/src/cli/serve.ts'
import { defaultThreads } from '../../packages/hub/src/delivery/courier-threads.ts'
import { openHub } from '../../packages/hub/src/hub.ts'
import {
  addDestination,
  createEnvironment,
  enableProvider,
  providerAddresses,
} from '../../packages/hub/src/operations/set-up.ts'
import { getProvider } from '../../packages/hub/src/providers/catalog.ts'
import { withEndpoints } from '../../packages/hub/src/providers/endpoints.ts'
import { installPeer } from '../peer-packages.ts'
import {
  type App,
  DEV_ID,
  PROVIDER,
  type ServerAsked,
  type ServerTold,
  type SimulatorReady,
  hear,
} from './messages.ts'

interface Side {
  readonly url: string
  /** Resolves when nothing is under way any more. */
  settle(): Promise<void>
}

const [side = '', told = '{}'] = process.argv.slice(2)
const ready = JSON.parse(told) as SimulatorReady
const SIDES: Readonly<Record<string, () => Promise<Side & { apiKey?: string }>>> = {
  firma: openFirma,
  grant: openGrant,
  'better-auth': openBetterAuth,
}

const open = SIDES[side]
if (open === undefined) throw new Error(`no side "${side}"; there are ${Object.keys(SIDES).join()}`)
process.on('disconnect', () => process.exit())
const { url, apiKey = '', settle } = await open()
process.on('message', (asked: ServerAsked) => {
  if (asked.type !== 'count') return
  void settle().then(() => {
    const { user, system } = process.cpuUsage()
    const { active } = performance.eventLoopUtilization()
    tell({ type: 'counts', cpuUs: user + system, loopUs: active * 1_000 })
  })
})
tell({ type: 'listening', url, apiKey })

function tell(message: ServerTold): void {
  process.send?.(message)
}

/** Has the provider register the app. */
async function register(...redirectUris: string[]): Promise<App> {
  tell({ type: 'redirects', redirectUris })
  return (await hear<ServerAsked, 'app'>(process, 'app')).app
}

/** As `firma start` runs it: SQLite in a file, every commit on the disk; one webhook. */
async function openFirma(): Promise<Side & { apiKey: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'firma-bench-'))
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
  const port = await listen('127.0.0.1', 0)
  const hub = await openHub({
    sqlite: await openSqlite(path.join(folder, 'hub.db')),
    baseUrl: port.url,
    allowedRanges: ['127.0.0.0/8'],
    rateLimits: null,
    senderThreads: defaultThreads(availableParallelism()),
    keys: { primaryId: 'bench', keys: new Map([['bench', new Uint8Array(32).fill(7)]]) },
    log: { info: () => undefined, warn: console.warn, error: console.error },
  })
  port.serve(async (request, address) => await hub.fetch(request, address))
  const { deps } = hub
  const { apiKey: key } = await createEnvironment(deps, { id: DEV_ID, name: 'Bench' })
  await addDestination(deps, { environmentId: DEV_ID, url: ready.webhookUrl })
  const { redirectUri, noticeKey } = providerAddresses(deps, DEV_ID, PROVIDER)
  await enableProvider(deps, {
    ...(await register(redirectUri)),
    environmentId: DEV_ID,
    provider: PROVIDER,
    noticeKey,
    originOverrides: ready.originOverrides,
  })
  hub.start()
  return { url: port.url, apiKey: key, settle: async () => await hub.settle() }
}

/** The provider's addresses as the hub calls them. */
function findEndpoints() {
  const provider = withEndpoints(getProvider(PROVIDER), ready.originOverrides)
  const { authorization, token, identity } = provider
  if (identity.from !== 'request') throw new Error(`${PROVIDER} is asked for its id`)
  return {
    authorizeUrl: authorization.url,
    tokenUrl: token.url,
    identityUrl: identity.request.url,
    scopes: authorization.scopes,
  }
}

type Handler = (request: IncomingMessage, response: ServerResponse) => Promise<unknown>

async function serve(makeHandler: (origin: string) => Promise<Handler>): Promise<Side> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const handle = await makeHandler(origin)
  server.on('request', (request, response) => {
    handle(request, response).catch((error: unknown) => {
      response.statusCode = 500
      response.end(String(error))
    })
  })
  return { url: origin, settle: async () => undefined }
}

interface Grant {
  node(options: object): (
    request: IncomingMessage,
    response: ServerResponse,
  ) => Promise<{
    readonly redirect?: boolean
    readonly response?: { readonly access_token?: string; readonly profile?: { id?: string } }
  }>
}

/** Keeps sessions in memory and what it was given nowhere; the person's account is asked for, as by the others. */
async function openGrant(): Promise<Side> {
  const { node } = installPeer(['grant@5.4.24'])('grant') as Grant
  return await serve(async (origin) => {
    const { clientId, clientSecret } = await register(`${origin}/connect/oura/callback`)
    const { authorizeUrl, tokenUrl, identityUrl, scopes } = findEndpoints()
    const grant = node({
      config: {
        defaults: { origin, transport: 'state', state: true, pkce: true },
        oura: {
          oauth: 2,
          authorize_url: authorizeUrl,
          access_url: tokenUrl,
          profile_url: identityUrl,
          response: ['tokens', 'profile'],
          key: clientId,
          secret: clientSecret,
          scope: scopes,
          scope_delimiter: ' ',
        },
      },
      session: { secret: 'of the bench' },
    })
    return async (request, response) => {
      const { redirect = false, response: granted } = await grant(request, response)
      if (redirect) return
      const isConnected = granted?.access_token !== undefined && granted.profile?.id !== undefined
      if (!isConnected) throw new Error(`not connected: ${JSON.stringify(granted)}`)
      response.writeHead(302, { location: `/done?user_id=${granted.profile?.id}` })
      response.end()
    }
  })
}

/** Keeps users, accounts and sessions in memory, which is what it does without a database. */
async function openBetterAuth(): Promise<Side> {
  const peer = installPeer(['better-auth@1.7.25'])
  const load = async (name: string) =>
    (await import(pathToFileURL(peer.resolve(name)).href)) as Record<
      string,
      (options: unknown) => unknown
    >
  const [main, plugins, nodeHandler] = await Promise.all(
    ['better-auth', 'better-auth/plugins', 'better-auth/node'].map(load),
  )
  return await serve(async (origin) => {
    const { clientId, clientSecret } = await register(`${origin}/api/auth/callback/oura`)
    const { authorizeUrl, tokenUrl, identityUrl, scopes } = findEndpoints()
    const readIdentity = async ({ accessToken }: { accessToken: string }) => {
      const headers = { authorization: `Bearer ${accessToken}` }
      const { id } = (await (await fetch(identityUrl, { headers })).json()) as { id: string }
      return { id, email: `${id}@example.org`, emailVerified: true, name: id }
    }
    const provider = {
      providerId: 'oura',
      clientId,
      clientSecret,
      authorizationUrl: authorizeUrl,
      tokenUrl,
      scopes,
      pkce: true,
      getUserInfo: readIdentity,
    }
    const auth = main?.['betterAuth']?.({
      baseURL: origin,
      secret: 'of the bench, which has thirty-two and more characters',
      rateLimit: { enabled: false },
      telemetry: { enabled: false },
      logger: { level: 'error' },
      plugins: [plugins?.['genericOAuth']?.({ config: [provider] })],
    })
    return nodeHandler?.['toNodeHandler']?.(auth) as Handler
  })
}
