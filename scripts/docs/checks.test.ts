import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { findUncheckedBlocks } from './block-kinds.ts'
import { findBrokenLinks } from './broken-links.ts'
import { compileBlocks } from './compile-blocks.ts'
import { compareErrors } from './error-table.ts'
import { findPrivateText } from './private-text.ts'
import { checkProxyConfigs } from './proxy-configs.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url))

let root: string

function write(file: string, text: string): void {
  const place = path.join(root, file)
  mkdirSync(path.dirname(place), { recursive: true })
  writeFileSync(place, text)
}

beforeEach(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), 'firma-docs-')))
})

afterEach(() => {
  rmSync(root, { recursive: true, force: true })
})

describe('compileBlocks', () => {
  beforeEach(() => {
    copyFileSync(path.join(repository, 'tsconfig.base.json'), path.join(root, 'tsconfig.base.json'))
    symlinkSync(path.join(repository, 'node_modules'), path.join(root, 'node_modules'), 'junction')
  })

  function compile(markdown: string): ReturnType<typeof compileBlocks> {
    return compileBlocks(root, [{ file: 'docs/a.md', markdown }])
  }

  it('compiles each block as a module of its own, and leaves no file behind', () => {
    const block = '```ts\nconst a: number = 1\nconsole.log(a)\n```\n'
    expect(compile(`${block}\n${block}`)).toEqual({ compiled: 2, problems: [] })
    expect(readdirSync(path.join(root, 'artifacts'))).toEqual([])
  })

  it('reports an error with the line of the document', () => {
    const { problems } = compile('# Title\n\n```ts\nconst a = 1\nconst b: string = a\n```\n')
    expect(problems).toEqual([expect.stringMatching(/^docs\/a\.md:5: error TS2322: /)])
  })

  it('reports an import that leads nowhere', () => {
    const { problems } = compile("```ts\nimport { a } from 'no-such-package'\na()\n```\n")
    expect(problems).toEqual([expect.stringMatching(/^docs\/a\.md:2: error TS2307: /)])
  })

  it('lets blocks of a document import one that says its name', () => {
    write('package.json', '{ "type": "module" }')
    const named = '```ts\n// lib/one.ts\nexport const one = 1\n```\n'
    const other = "```ts\nimport { one } from './lib/one.ts'\nconst two: string = one\n```\n"
    const { problems } = compile(`${named}\n${other}`)
    expect(problems).toEqual([expect.stringMatching(/^docs\/a\.md:8: error TS2322: /)])
  })
})

describe('findUncheckedBlocks', () => {
  it.each(['ts ignore', 'typescript', 'json', 'yaml', 'text', ''])('refuses "%s"', (info) => {
    const markdown = `\`\`\`${info}\n!\n\`\`\`\n`
    const problems = findUncheckedBlocks([{ file: 'docs/a.md', markdown }])
    expect(problems).toEqual([
      expect.stringContaining(`docs/a.md:2: nothing checks a block of the kind "${info}"`),
    ])
  })

  it('refuses code that is only indented, but not what belongs to a list', () => {
    const markdown = 'Call\n\n    GET /\n\n- one\n\n    more of it\n'
    const problems = findUncheckedBlocks([{ file: 'docs/a.md', markdown }])
    expect(problems).toEqual([expect.stringContaining('docs/a.md:3: nothing checks code')])
  })

  it('takes those that something checks', () => {
    const markdown = ['sh', 'ts', 'tsx', 'http', 'html', 'nginx', 'json event']
      .map((info) => `\`\`\`${info}\n\`\`\`\n`)
      .join('\n')
    expect(findUncheckedBlocks([{ file: 'docs/a.md', markdown }])).toEqual([])
  })
})

describe('checkProxyConfigs', () => {
  function check(info: string, code: string): string[] {
    const markdown = `\`\`\`${info}\n${code}\n\`\`\`\n`
    return checkProxyConfigs([{ file: 'docs/a.md', markdown }])
  }

  it('takes what nginx and Caddy take', () => {
    const server = 'server {\n  location / { proxy_pass http://127.0.0.1:4000; # the hub\n  }\n}'
    expect(check('nginx', server)).toEqual([])
    expect(check('caddyfile', 'a.example {\n  reverse_proxy 127.0.0.1:4000\n}')).toEqual([])
  })

  it.each([
    ['nginx', 'server {', 'a brace is not closed'],
    ['nginx', 'server { } }', 'a closing brace has no opening one'],
    ['nginx', 'server { listen 443 }', '"listen 443" lacks its semicolon'],
    ['nginx', 'server_name a.example', '"server_name a.example" lacks its semicolon'],
    ['nginx', 'proxy_past x;', '"proxy_past" is no directive that the documents are known to use'],
    [
      'nginx',
      'server { proxy_pass http://127.0.0.1:4000; }',
      'nginx takes no "proxy_pass" in "server"',
    ],
    ['nginx', 'limit_conn 512;', 'nginx takes "limit_conn" with other words than "512"'],
    [
      'nginx',
      'server;',
      '"server" has a block in nginx or ends with a semicolon, not as it is here',
    ],
    [
      'nginx',
      'proxy_pass http://127.0.0.1:1;',
      'a hub listens at http://127.0.0.1:4000, not at http://127.0.0.1:1',
    ],
    [
      'caddyfile',
      'a.example',
      'a Caddyfile is an address, an opening brace, directives and a closing brace',
    ],
    ['caddyfile', 'a.example {\n  proxy x\n}', 'Caddy takes no "proxy x"'],
    ['caddyfile', 'a.example {\n  reverse_proxy x\n}', 'a hub listens at 127.0.0.1:4000, not at x'],
  ])('refuses %s that says "%s"', (info, code, problem) => {
    expect(check(info, code)).toEqual([`docs/a.md:2: ${problem}`])
  })
})

describe('findBrokenLinks', () => {
  it('accepts files, folders, headings and other sites', () => {
    write('README.md', '')
    const documents = [
      { file: 'docs/a.md', markdown: '# One\n[b](b.md#two-words) [up](../README.md) [here](#one)' },
      { file: 'docs/b.md', markdown: '## Two words\n[f](../docs) [s](https://example.com/x.md)' },
    ]
    for (const { file, markdown } of documents) write(file, markdown)
    expect(findBrokenLinks(root, documents)).toEqual([])
  })

  it('reports files and headings that are not there, and links out of the repository', () => {
    const markdown = '[a](absent.md)\n[b](#absent)\n[c](../../secret.md)'
    write('docs/a.md', markdown)
    expect(findBrokenLinks(root, [{ file: 'docs/a.md', markdown }])).toEqual([
      'docs/a.md:1: absent.md does not exist',
      'docs/a.md:2: docs/a.md has no heading #absent',
      'docs/a.md:3: ../../secret.md leads out of the repository',
    ])
  })
})

describe('findPrivateText', () => {
  it('reports the path of the checkout, neighbouring folders and package registries', () => {
    write('a.txt', `see ${root}/x\nfine\n`)
    // Put together, so that this file does not contain them.
    write(
      'b.txt',
      `${['..', 'shared'].join('/')}/plan.md\n${['registry', 'npmjs', 'org'].join('.')}\n`,
    )
    expect(findPrivateText(root, ['a.txt', 'b.txt', 'deleted.txt'])).toEqual([
      'a.txt:1: contains the path of this checkout',
      'b.txt:1: refers to a folder outside of the repository',
      'b.txt:2: names a package registry',
    ])
  })

  it('does not take a longer path for the checkout, nor read binary files', () => {
    write('a.txt', `${root}-other/x\n`)
    write('b.bin', `\0${root}/x\n`)
    expect(findPrivateText(root, ['a.txt', 'b.bin'])).toEqual([])
  })

  it('does not mind a checkout at the top of the file system, whose name may be a word', () => {
    expect(findPrivateText('/app', [])).toEqual([])
  })
})

describe('compareErrors', () => {
  const errors = {
    user_not_found: { status: 404, retryable: false },
    provider_unavailable: { status: 502, retryable: true },
  }

  function compare(...rows: string[]): string[] {
    const header = '| code | status | retryable | when |\n| --- | --- | --- | --- |\n'
    return compareErrors([{ file: 'docs/errors.md', markdown: header + rows.join('\n') }], errors)
  }

  it('accepts exactly the errors that there are', () => {
    expect(
      compare('| `user_not_found` | 404 | no | x |', '| `provider_unavailable` | 502 | yes | x |'),
    ).toEqual([])
  })

  it('reports errors that are missing, unknown, wrong or listed twice', () => {
    expect(
      compare(
        '| `user_not_found` | 400 | yes | x |',
        '| `a` | 1 | no | x |',
        '| `a` | 1 | no | x |',
      ),
    ).toEqual([
      'docs/errors.md: provider_unavailable is missing',
      'docs/errors.md: user_not_found answers 404, not "400"',
      'docs/errors.md: user_not_found is retryable: no, not "yes"',
      'docs/errors.md: no error is called a',
      'docs/errors.md: no error is called a',
      'docs/errors.md: a is listed twice',
    ])
  })

  it('reports that the document is missing', () => {
    expect(compareErrors([], errors)).toEqual(['docs/errors.md is missing'])
  })
})
