import { describe, expect, it } from 'vitest'
import { complete, listMissing } from './complete-lockfile.ts'

describe('listMissing', () => {
  it('finds nothing in a complete lock file', () => {
    expect(
      listMissing({
        '': {},
        'node_modules/tool': { optionalDependencies: { 'tool-linux-x64': '1.0.0' } },
        'node_modules/tool-linux-x64': { version: '1.0.0' },
      }),
    ).toEqual({})
  })

  it('describes the binary of another platform by its name', () => {
    const shared = { dev: true, optional: true }
    const binaries = {
      '@tool/binding-darwin-arm64': '1.0.0',
      '@tool/binding-linux-arm64-musl': '1.0.0',
      '@tool/binding-linux-arm-gnueabihf': '1.0.0',
      '@tool/win32-x64': '2.0.0-rc.1',
    }
    expect(
      listMissing({ 'node_modules/tool': { dev: true, optionalDependencies: binaries } }),
    ).toEqual({
      'node_modules/@tool/binding-darwin-arm64': {
        ...shared,
        version: '1.0.0',
        os: ['darwin'],
        cpu: ['arm64'],
      },
      'node_modules/@tool/binding-linux-arm64-musl': {
        ...shared,
        version: '1.0.0',
        os: ['linux'],
        cpu: ['arm64'],
        libc: ['musl'],
      },
      'node_modules/@tool/binding-linux-arm-gnueabihf': {
        ...shared,
        version: '1.0.0',
        os: ['linux'],
        cpu: ['arm'],
        libc: ['glibc'],
      },
      'node_modules/@tool/win32-x64': {
        ...shared,
        version: '2.0.0-rc.1',
        os: ['win32'],
        cpu: ['x64'],
      },
    })
  })

  it('looks for a binary where npm does', () => {
    const tool = { optionalDependencies: { 'tool-linux-x64': '1.0.0' } }
    const binary = { version: '1.0.0' }
    expect(
      listMissing({
        'node_modules/a/node_modules/tool': tool,
        'node_modules/a/node_modules/tool-linux-x64': binary,
      }),
    ).toEqual({})
    expect(
      Object.keys(
        listMissing({
          'node_modules/tool': tool,
          'node_modules/a/node_modules/tool-linux-x64': binary,
        }),
      ),
    ).toEqual(['node_modules/tool-linux-x64'])
  })

  it('does not guess the platform or the version', () => {
    const lock = (name: string, version: string): object =>
      listMissing({ 'node_modules/tool': { optionalDependencies: { [name]: version } } })
    expect(() => lock('colours', '1.0.0')).toThrow('colours@1.0.0 is missing from the lock file')
    expect(() => lock('tool-linux-x64', '^1.0.0')).toThrow('tool-linux-x64@^1.0.0 is missing')
  })
})

describe('complete', () => {
  it('keeps what is there, and orders it as npm does', () => {
    const completed = complete({
      '': { name: 'workspace' },
      'node_modules/b': { optionalDependencies: { 'a-linux-x64': '1.0.0' } },
    })
    expect(Object.keys(completed)).toEqual(['', 'node_modules/a-linux-x64', 'node_modules/b'])
    expect(completed['']).toEqual({ name: 'workspace' })
    expect(listMissing(completed)).toEqual({})
  })
})
