/** Serves the operator's pages, and the connect button for pages of apps. */
import { readFile, readdir } from 'node:fs/promises'
import { gzipSync } from 'node:zlib'
import { FirmaError } from '../errors.ts'

/** Beside the compiled code; in the repository they are a package of their own. */
const FOLDERS = ['../dashboard/', '../../../dashboard/dist/']

const PREFIX = '/dashboard/'
/** For pages of any app: the address must not change. */
const BUTTON = 'connect-button.js'

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
}

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  vary: 'accept-encoding',
}

/** What any page may load: it is public, the same for everyone, and reads no cookie. */
const FOR_EVERYONE = {
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
}

interface File {
  readonly headers: Readonly<Record<string, string>>
  readonly plain: Uint8Array<ArrayBuffer>
  readonly gzipped: Uint8Array<ArrayBuffer>
}

/** @returns A handler that answers the dashboard's addresses and leaves every other one alone. */
export async function createDashboard(): Promise<
  (request: Request) => Promise<Response | undefined>
> {
  const files = await readFiles()
  return async (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined
    const { pathname } = new URL(request.url)
    if (pathname === '/' || `${pathname}/` === PREFIX) {
      return new Response(null, { status: 302, headers: { ...HEADERS, location: PREFIX } })
    }
    if (pathname === `/${BUTTON}`) return respond(request, files.get(BUTTON))
    if (!pathname.startsWith(PREFIX)) return undefined
    const name = pathname.slice(PREFIX.length)
    if (name.startsWith('assets/')) return respond(request, files.get(name))
    // Every page is the same file: it reads from its address what to show.
    return respond(request, files.get('index.html'))
  }
}

function respond(request: Request, file: File | undefined): Response {
  if (file === undefined) return new Response('not found', { status: 404, headers: HEADERS })
  const isGzipped = request.headers.get('accept-encoding')?.includes('gzip') === true
  const headers = { ...file.headers, ...(isGzipped && { 'content-encoding': 'gzip' }) }
  return new Response(isGzipped ? file.gzipped : file.plain, { headers })
}

async function readFiles(): Promise<ReadonlyMap<string, File>> {
  const folder = await findFolder()
  const names = await readdir(folder, { recursive: true })
  const files = new Map<string, File>()
  for (const name of names.map((each) => each.replaceAll('\\', '/'))) {
    const type = TYPES[name.split('.').at(-1) ?? '']
    if (type === undefined) continue
    const plain = new Uint8Array(await readFile(new URL(name, folder)))
    const gzipped = new Uint8Array(gzipSync(plain))
    const headers = {
      ...HEADERS,
      ...(name === BUTTON && FOR_EVERYONE),
      'content-type': type,
      'cache-control': cachingOf(name),
    }
    files.set(name, { headers, plain, gzipped })
  }
  return files
}

function cachingOf(name: string): string {
  // Their names change with their content.
  if (name.startsWith('assets/')) return 'public, max-age=31536000, immutable'
  return name === BUTTON ? 'public, max-age=3600' : 'no-cache'
}

async function findFolder(): Promise<URL> {
  for (const path of FOLDERS) {
    const folder = new URL(path, import.meta.url)
    try {
      await readFile(new URL('index.html', folder))
      return folder
    } catch {
      // The other folder has it: built and source trees differ only in this.
    }
  }
  throw new FirmaError(
    'configuration_invalid',
    'the dashboard is not built; run: node scripts/ensure-dashboard.mjs (npm start does it by itself)',
  )
}
