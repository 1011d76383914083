/**
 * An app with a connect button: one page, one route that makes the link, one page to come back to, one
 * webhook. Start it beside a hub:
 *
 *   FIRMA_URL=http://127.0.0.1:4000 FIRMA_DEV_ID=… FIRMA_API_KEY=… FIRMA_SIGNING_SECRET=… \
 *     npx tsx examples/connect-button/server.ts
 */
import { readFile } from 'node:fs/promises'
import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Receiver, createReceiver, memoryStore } from 'firma-receiver'
import { nodeHandler } from 'firma-receiver/node'

/** Where the hub is, and who the app is there. */
export interface AppOptions {
  readonly hubUrl: string
  readonly devId: string
  readonly apiKey: string
  readonly signingSecret: string
  readonly port: number
}

/** In a real app: whoever is logged in. */
const LOGGED_IN_PERSON = 'pepper_potts'

/** Starts the app. @returns The running server and its address. */
export async function startApp(options: AppOptions): Promise<{ server: Server; url: string }> {
  const receiver = createReceiver({ secrets: [options.signingSecret], store: memoryStore() })
  const webhook = nodeHandler(receiver)
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(options.port, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const pages: Record<string, string> = { '/': 'index.html', '/connected': 'return.html' }
  server.on('request', (request, response) => {
    const { pathname } = new URL(request.url ?? '/', url)
    const answer = async (): Promise<[type: string, body: string] | undefined> => {
      const page = pages[pathname]
      if (page !== undefined) return ['text/html; charset=utf-8', await readPage(page, options)]
      switch (`${request.method} ${pathname}`) {
        case 'POST /api/connect':
          return ['application/json', JSON.stringify(await createSession(options, url))]
        case 'GET /api/connections':
          return ['application/json', JSON.stringify(await listConnections(receiver))]
        default:
          return undefined
      }
    }
    if (pathname === '/webhook') {
      webhook(request, response)
      return
    }
    answer().then(
      (found) => {
        const [type, body] = found ?? ['text/plain', 'not found']
        response.writeHead(found === undefined ? 404 : 200, { 'content-type': type }).end(body)
      },
      (error: unknown) => response.writeHead(502).end(String(error)),
    )
  })
  return { server, url }
}

/** The API key never leaves the back end; the browser only gets the link. */
async function createSession(options: AppOptions, url: string): Promise<{ url: string }> {
  const response = await fetch(`${options.hubUrl}/v2/auth/generateWidgetSession`, {
    method: 'POST',
    headers: {
      'dev-id': options.devId,
      'x-api-key': options.apiKey,
      'content-type': 'application/json',
    },
    body: JSON.stringify({
      reference_id: LOGGED_IN_PERSON,
      auth_success_redirect_url: `${url}/connected`,
      auth_failure_redirect_url: `${url}/connected`,
      show_disconnect: true,
    }),
  })
  if (!response.ok) throw new Error(`the hub answered ${response.status}: ${await response.text()}`)
  return { url: ((await response.json()) as { url: string }).url }
}

/** What signed events have proved: the only thing that the app believes. */
async function listConnections(receiver: Receiver): Promise<object[]> {
  const connections = await receiver.findByReferenceId(LOGGED_IN_PERSON)
  return connections.map(({ provider, userId, status }) => ({ provider, userId, status }))
}

async function readPage(name: string, { hubUrl }: AppOptions): Promise<string> {
  const text = await readFile(new URL(name, import.meta.url), 'utf8')
  return text.replaceAll('{{hubUrl}}', hubUrl)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { env } = process
  const { url } = await startApp({
    hubUrl: env['FIRMA_URL'] ?? 'http://127.0.0.1:4000',
    devId: env['FIRMA_DEV_ID'] ?? '',
    apiKey: env['FIRMA_API_KEY'] ?? '',
    signingSecret: env['FIRMA_SIGNING_SECRET'] ?? '',
    port: Number(env['PORT'] ?? 3000),
  })
  process.stdout.write(`Open ${url}; events go to ${url}/webhook.\n`)
}
