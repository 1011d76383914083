import { describe, expect, it } from 'vitest'
import { listAnchors, listCodeBlocks, listLinks, listTableRows } from './markdown.ts'

describe('listCodeBlocks', () => {
  it('tells the info, the code and the line of each block', () => {
    const markdown = '# T\n\n```ts\nconst a = 1\n\nconst b = 2\n```\n\n~~~sh\nls\n~~~\n'
    expect(listCodeBlocks(markdown)).toEqual([
      { info: 'ts', code: 'const a = 1\n\nconst b = 2', line: 4 },
      { info: 'sh', code: 'ls', line: 10 },
    ])
  })

  it('ends a block only at a fence of the same kind and at least its length', () => {
    const markdown = '````md\n```ts\n~~~\n```\n````\n'
    expect(listCodeBlocks(markdown)).toEqual([{ info: 'md', code: '```ts\n~~~\n```', line: 2 }])
  })

  it('takes an unclosed block to the end of the document', () => {
    expect(listCodeBlocks('```ts\nconst a = 1')).toEqual([
      { info: 'ts', code: 'const a = 1', line: 2 },
    ])
  })
})

describe('listLinks', () => {
  it('finds links, images and definitions', () => {
    const markdown = '[a](a.md) and ![b](b.png "B")\n\n[c]: <c.md#d>\n'
    expect(listLinks(markdown)).toEqual([
      { target: 'a.md', line: 1 },
      { target: 'b.png', line: 1 },
      { target: 'c.md#d', line: 3 },
    ])
  })

  it('ignores what only looks like a link in code', () => {
    expect(listLinks('`[a](a.md)`\n```sh\n[b](b.md)\n```\n')).toEqual([])
  })
})

describe('listAnchors', () => {
  it('spells headings as GitHub does, and numbers repeated ones', () => {
    const markdown = '# What `firma start` does\n## Why?\n## Why?\n```sh\n# not a heading\n```\n'
    expect(listAnchors(markdown)).toEqual(['what-firma-start-does', 'why', 'why-1'])
  })
})

describe('listTableRows', () => {
  it('gives the cells without padding, and no separator', () => {
    expect(listTableRows('| a | b |\n| --- | :-: |\n| `c` |  |\n')).toEqual([
      ['a', 'b'],
      ['`c`', ''],
    ])
  })
})
