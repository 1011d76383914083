import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Source, openStream } from './stream.ts'

/** An EventSource that does what the test says. */
class TestSource extends EventTarget {
  readyState = 0
  isClosed = false
  readonly url: string
  constructor(url: string) {
    super()
    this.url = url
  }
  close(): void {
    this.isClosed = true
  }
  open(): void {
    this.dispatchEvent(new Event('open'))
  }
  fail(readyState: 0 | 2): void {
    this.readyState = readyState
    this.dispatchEvent(new Event('error'))
  }
  say(kind: string, data: unknown, lastEventId = ''): void {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data), lastEventId }))
  }
}

function open(after?: string, topics: readonly string[] = []) {
  const sources: TestSource[] = []
  const said: string[] = []
  const close = openStream({
    devId: 'acme',
    after,
    topics,
    createSource: (url) => {
      const source = new TestSource(url)
      sources.push(source)
      return source as unknown as Source
    },
    onState: (state) => void said.push(state),
    onMessage: ({ kind }) => void said.push(kind),
    onCursor: (cursor) => void said.push(`cursor ${cursor}`),
    onRefused: () => void said.push('refused'),
  })
  return { sources, said, close }
}

describe('a stream', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('goes on where an earlier one has ended, and misses nothing', () => {
    const { sources, said } = open('41')
    expect(sources[0]?.url).toBe('/admin/v1/stream?dev_id=acme&last_event_id=41')
    sources[0]?.open()
    sources[0]?.say('event', { id: 'one' })
    sources[0]?.say('cursor', {}, '42')
    expect(said).toEqual(['connecting', 'live', 'event', 'cursor 42'])
  })

  it('asks for topics, also when it comes again', () => {
    const { sources } = open('41', ['moves', 'event/1'])
    sources[0]?.fail(2)
    vi.advanceTimersByTime(1_000)
    expect(sources.map(({ url }) => url)).toEqual([
      '/admin/v1/stream?dev_id=acme&last_event_id=41&topics=moves%2Cevent%2F1',
      '/admin/v1/stream?dev_id=acme&topics=moves%2Cevent%2F1',
    ])
  })

  it('does not know what was before where it begins anew', () => {
    const { sources, said } = open()
    sources[0]?.open()
    expect(said).toEqual(['connecting', 'live', 'gap'])
    // The browser has come again by itself, with what it had got.
    sources[0]?.say('cursor', {}, '7')
    sources[0]?.fail(0)
    sources[0]?.open()
    expect(said.slice(3)).toEqual(['cursor 7', 'reconnecting', 'live'])
  })

  it('asks again where it was refused, more and more seldom, and without its cursor', () => {
    const { sources, said, close } = open('41')
    for (let refusal = 1; refusal <= 7; refusal += 1) {
      sources.at(-1)?.fail(2)
      vi.advanceTimersByTime(Math.min(1_000 * 2 ** (refusal - 1), 30_000) - 1)
      expect(sources).toHaveLength(refusal)
      vi.advanceTimersByTime(1)
      expect(sources).toHaveLength(refusal + 1)
    }
    expect(sources.at(-1)?.url).toBe('/admin/v1/stream?dev_id=acme')
    sources.at(-1)?.open()
    expect(said.filter((one) => one === 'refused')).toHaveLength(7)
    expect(said.at(-1)).toBe('gap')
    close()
    expect(sources.at(-1)?.isClosed).toBe(true)
  })

  it('is over once it is closed', () => {
    const { sources, close } = open()
    sources[0]?.fail(2)
    close()
    vi.advanceTimersByTime(60_000)
    expect(sources).toHaveLength(1)
  })
})
