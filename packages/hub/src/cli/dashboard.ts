/** Serves the operator's pages. */
import { readFile } from 'node:fs/promises'

/** Built next to the compiled code; in the repository they are a package of their own. */
const FOLDERS = ['../dashboard/', '../../../dashboard/public/', '../../../dashboard/dist/']

const FILES: Readonly<Record<string, { name: string; type: string; isForEveryone?: true }>> = {
  '/': { name: 'index.html', type: 'text/html; charset=utf-8' },
  '/dashboard.js': { name: 'dashboard.js', type: 'text/javascript; charset=utf-8' },
  '/dashboard.css': { name: 'dashboard.css', type: 'text/css; charset=utf-8' },
  // For pages of any app: the address must not change.
  '/connect-button.js': {
    name: 'connect-button.js',
    type: 'text/javascript; charset=utf-8',
    isForEveryone: true,
  },
}

/** What any page may load: it is public, the same for everyone, and reads no cookie. */
const FOR_EVERYONE = {
  'access-control-allow-origin': '*',
  'cross-origin-resource-policy': 'cross-origin',
  'cache-control': 'public, max-age=3600',
}

const HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-cache',
}

/** @returns A handler that answers the dashboard's addresses and leaves every other one alone. */
export async function createDashboard(): Promise<
  (request: Request) => Promise<Response | undefined>
> {
  const texts = new Map<string, string>()
  for (const { name } of Object.values(FILES)) texts.set(name, await readAsset(name))
  return async (request) => {
    const file = FILES[new URL(request.url).pathname]
    if (file === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) {
      return undefined
    }
    const headers = {
      ...HEADERS,
      ...(file.isForEveryone && FOR_EVERYONE),
      'content-type': file.type,
    }
    return new Response(texts.get(file.name) ?? '', { headers })
  }
}

async function readAsset(name: string): Promise<string> {
  for (const folder of FOLDERS) {
    try {
      return await readFile(new URL(folder + name, import.meta.url), 'utf8')
    } catch {
      // The other folder has it: built and source trees differ only in this.
    }
  }
  throw new TypeError(`the dashboard's ${name} is missing from this installation`)
}
