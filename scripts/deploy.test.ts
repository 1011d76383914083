/** The files for running it name what there is; `npm run test:image` carries the Dockerfile out. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { SETTINGS, type Setting } from '../packages/hub/src/config/settings.ts'

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)))
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')

/** Variables of the hub, and those with `_FILE` that name a secret's file. */
const VARIABLES = (Object.values(SETTINGS) as Setting[]).flatMap(({ variable, isSecret }) =>
  isSecret === true ? [variable, `${variable}_FILE`] : [variable],
)

describe('the files for running it', () => {
  it.each(['Dockerfile', 'compose.yaml', 'deploy/firma.service'])(
    '%s sets only variables that the hub reads',
    (file) => {
      const set = [...read(file).matchAll(/\b(FIRMA_[A-Z_]+|DATABASE_URL\w*)(?==|: )/g)]
      expect(set.length).toBeGreaterThan(1)
      for (const [, name = ''] of set) expect(VARIABLES).toContain(name)
    },
  )

  it('the Dockerfile copies what there is', () => {
    const copies = [...read('Dockerfile').matchAll(/^COPY --from=build (.+) \S+$/gm)]
    const files = copies.flatMap(([, sources = '']) => sources.split(' '))
    for (const file of files) {
      // Built folders are there after the build.
      const inRoot = path.join(root, file.replace(/^\/src\//, '').replace(/\/dist$/, ''))
      expect([file, existsSync(inRoot)]).toEqual([file, true])
    }
    expect(files.length).toBeGreaterThan(5)
  })

  it('compose.yaml declares every secret and volume that it uses', () => {
    const text = read('compose.yaml')
    const [, secrets = ''] = text.split('\nsecrets:\n')
    const used = [...text.matchAll(/^ {4}secrets: \[(.+)\]$/gm)].flatMap(([, names = '']) =>
      names.split(', '),
    )
    const declared = [...secrets.matchAll(/^ {2}(\w+): \{ file: \.\/secrets\/\1 \}$/gm)]
    expect(new Set(declared.map(([, name]) => name))).toEqual(new Set(used))
    for (const [, name = ''] of text.matchAll(/\/run\/secrets\/(\w+)/g))
      expect(used).toContain(name)
    for (const [, name = ''] of text.matchAll(/volumes: \['(\w+):/g)) {
      expect(text.split('\nvolumes:\n')[1]).toContain(`  ${name}:`)
    }
  })

  it('the unit is one that systemd takes, where there is one to ask', () => {
    expect(read('deploy/firma.service')).toMatch(/^\[Unit\]$[^]+^\[Service\]$[^]+^\[Install\]$/m)
    const unit = path.join(root, 'deploy/firma.service')
    const { error, stderr, status } = spawnSync('systemd-analyze', ['verify', unit], {
      encoding: 'utf8',
    })
    const answer = error === undefined ? { status, stderr } : undefined
    expect([undefined, { status: 0, stderr: '' }]).toContainEqual(answer)
  })
})
