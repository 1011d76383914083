/** The documents' configurations of proxies: no proxy is at hand to try them, so their grammar is checked here. */
import { SETTINGS } from '../../packages/hub/src/config/settings.ts'
import type { Document } from './documents.ts'
import { type CodeBlock, listCodeBlocks } from './markdown.ts'

interface Directive {
  readonly name: string
  readonly words: readonly string[]
  /** Undefined for one that ends with `;`. */
  readonly block: readonly Directive[] | undefined
}

const HTTP = ['http', 'server', 'location']
/** Where nginx takes each directive that the documents use, by its manual; and with how many words, at least and at most. */
const NGINX: Readonly<
  Record<string, readonly [contexts: readonly string[], min: number, max: number]>
> = {
  server: [['http'], 0, 0],
  location: [['server', 'location'], 1, 2],
  listen: [['server'], 1, 9],
  server_name: [['server'], 1, 9],
  ssl_certificate: [['http', 'server'], 1, 1],
  ssl_certificate_key: [['http', 'server'], 1, 1],
  proxy_pass: [['location'], 1, 1],
  proxy_http_version: [HTTP, 1, 1],
  proxy_set_header: [HTTP, 2, 2],
  proxy_buffering: [HTTP, 1, 1],
  proxy_read_timeout: [HTTP, 1, 1],
  limit_conn_zone: [['http'], 2, 2],
  limit_conn: [HTTP, 2, 2],
}
/** Of a Caddyfile: directives and how many words follow each. */
const CADDY: Readonly<Record<string, number>> = { reverse_proxy: 1 }
const HUB = `127.0.0.1:${SETTINGS.port.fallback}`

/** What nginx or Caddy would not take, and addresses at which no hub listens. */
export function checkProxyConfigs(documents: readonly Document[]): string[] {
  return documents.flatMap(({ file, markdown }) =>
    listCodeBlocks(markdown).flatMap((block) =>
      checkBlock(block).map((problem) => `${file}:${block.line}: ${problem}`),
    ),
  )
}

function checkBlock({ info, code }: CodeBlock): string[] {
  if (info === 'caddyfile') return checkCaddyfile(code)
  if (info !== 'nginx') return []
  const parsed = parseNginx(code)
  // A snippet does not say in which of the outer contexts it stands; its own nesting counts.
  return typeof parsed === 'string' ? [parsed] : parsed.flatMap((each) => checkNginx(each))
}

function checkNginx({ name, words, block }: Directive, context?: string): string[] {
  const rule = NGINX[name]
  if (rule === undefined) return [`"${name}" is no directive that the documents are known to use`]
  const [contexts, min, max] = rule
  const problems: string[] = []
  if (context !== undefined && !contexts.includes(context))
    problems.push(`nginx takes no "${name}" in "${context}"`)
  if (words.length < min || words.length > max)
    problems.push(`nginx takes "${name}" with other words than "${words.join(' ')}"`)
  if ((block !== undefined) !== (name === 'server' || name === 'location'))
    problems.push(`"${name}" has a block in nginx or ends with a semicolon, not as it is here`)
  if (name === 'proxy_pass' && words[0] !== `http://${HUB}`)
    problems.push(`a hub listens at http://${HUB}, not at ${words[0]}`)
  return [...problems, ...(block ?? []).flatMap((inner) => checkNginx(inner, name))]
}

/** @returns The directives, or what is wrong. */
function parseNginx(code: string): Directive[] | string {
  const tokens = code.replaceAll(/#.*$/gm, '').match(/[{};]|[^\s{};]+/g) ?? []
  const open: Directive[][] = [[]]
  const heads: string[][] = []
  let words: string[] = []
  for (const token of tokens) {
    if (token === ';') {
      const [name = '', ...rest] = words
      open.at(-1)?.push({ name, words: rest, block: undefined })
      words = []
    } else if (token === '{') {
      heads.push(words)
      open.push([])
      words = []
    } else if (token === '}') {
      const head = heads.pop()
      if (words.length > 0) return `"${words.join(' ')}" lacks its semicolon`
      if (head === undefined) return 'a closing brace has no opening one'
      const [name = '', ...rest] = head
      const block = open.pop() ?? []
      open.at(-1)?.push({ name, words: rest, block })
    } else words.push(token)
  }
  if (words.length > 0) return `"${words.join(' ')}" lacks its semicolon`
  return heads.length > 0 ? 'a brace is not closed' : (open[0] ?? [])
}

function checkCaddyfile(code: string): string[] {
  const [head = '', ...rest] = code.trim().split('\n')
  if (!/^\S+ \{$/.test(head) || rest.pop() !== '}')
    return ['a Caddyfile is an address, an opening brace, directives and a closing brace']
  return rest.flatMap((line) => {
    const [name = '', ...words] = line.trim().split(/\s+/)
    if (CADDY[name] !== words.length) return [`Caddy takes no "${line.trim()}"`]
    return name === 'reverse_proxy' && words[0] !== HUB
      ? [`a hub listens at ${HUB}, not at ${words[0]}`]
      : []
  })
}
