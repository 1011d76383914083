import { describe, expect, it } from 'vitest'
import { TestClock } from '../test/support/test-clock.ts'
import { MINUTE_MS, SECOND_MS } from './core/time.ts'
import type { Log } from './deps.ts'
import { startLoop } from './loop.ts'

/** A turn that a test ends by hand. */
class Turns {
  taken = 0
  #end: ((nextAtMs: number | undefined) => void) | undefined
  #fail: ((error: Error) => void) | undefined

  readonly take = async (): Promise<number | undefined> => {
    this.taken += 1
    return await new Promise((resolve, reject) => {
      this.#end = resolve
      this.#fail = reject
    })
  }

  end(nextAtMs?: number): void {
    this.#end?.(nextAtMs)
  }

  fail(error: Error): void {
    this.#fail?.(error)
  }
}

function start(turn: () => Promise<number | undefined>) {
  const clock = new TestClock()
  const errors: Record<string, unknown>[] = []
  const log: Log = {
    info: () => undefined,
    warn: () => undefined,
    error: (fields) => void errors.push(fields),
  }
  const loop = startLoop({ clock, timer: clock, log }, 'test', turn)
  return { clock, errors, loop, startedMs: clock.nowMs() }
}

/** Resolves after everything that is already decided has happened. */
const settled = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve))

describe('startLoop', () => {
  it('takes a turn that failed again after the pause that it was given', async () => {
    const clock = new TestClock()
    const silent = (): void => undefined
    const log = { info: silent, warn: silent, error: silent }
    const turns = new Turns()
    const loop = startLoop({ clock, timer: clock, log }, 'test', turns.take, 2 * SECOND_MS)
    loop.wake()
    turns.fail(new Error('no'))
    await settled()
    expect(clock.nextTimerMs).toBe(clock.nowMs() + 2 * SECOND_MS)
  })

  it('takes no turn before it is woken', async () => {
    const turns = new Turns()
    const { loop, clock } = start(turns.take)
    await loop.idle()
    expect(turns.taken).toBe(0)
    expect(clock.nextTimerMs).toBeUndefined()
  })

  it('takes one turn at a time, and one more however often it is woken during a turn', async () => {
    const turns = new Turns()
    const { loop } = start(turns.take)
    loop.wake()
    for (let i = 0; i < 10; i += 1) loop.wake()
    expect(turns.taken).toBe(1)
    turns.end()
    await settled()
    expect(turns.taken).toBe(2)
    turns.end()
    await loop.idle()
    expect(turns.taken).toBe(2)
  })

  it('is idle only when the turn that was asked for during a turn has ended too', async () => {
    const turns = new Turns()
    const { loop } = start(turns.take)
    loop.wake()
    loop.wake()
    let isIdle = false
    const idle = loop.idle().then(() => (isIdle = true))
    turns.end()
    await settled()
    expect(isIdle).toBe(false)
    turns.end()
    await idle
    expect(turns.taken).toBe(2)
  })

  it('sleeps until the time that the turn names', async () => {
    const { clock, loop, startedMs } = start(async () => startedMs + 20 * SECOND_MS)
    loop.wake()
    await loop.idle()
    expect(clock.nextTimerMs).toBe(startedMs + 20 * SECOND_MS)
  })

  it('looks again after a minute, for what another process may have left', async () => {
    for (const nextInMs of [undefined, 60 * MINUTE_MS]) {
      let taken = 0
      const { clock, loop, startedMs } = start(async () => {
        taken += 1
        return nextInMs === undefined ? undefined : startedMs + nextInMs
      })
      loop.wake()
      await loop.idle()
      expect(clock.nextTimerMs).toBe(startedMs + MINUTE_MS)
      clock.moveTo(startedMs + MINUTE_MS)
      await loop.idle()
      expect(taken).toBe(2)
      await loop.stop()
    }
  })

  it('sleeps no longer than until the earliest time that it is told, without a turn for it', async () => {
    let taken = 0
    const { clock, loop, startedMs } = start(async () => {
      taken += 1
      return undefined
    })
    loop.wakeBy(startedMs + 50 * SECOND_MS)
    loop.wakeBy(startedMs + 20 * SECOND_MS)
    loop.wakeBy(startedMs + 30 * SECOND_MS)
    expect(clock.nextTimerMs).toBe(startedMs + 20 * SECOND_MS)
    expect(taken).toBe(0)
    clock.moveTo(startedMs + 20 * SECOND_MS)
    await loop.idle()
    expect(taken).toBe(1)
    expect(clock.nextTimerMs).toBe(startedMs + 20 * SECOND_MS + MINUTE_MS)
  })

  it('keeps a time that it is told during a turn, which may not have seen what is due then', async () => {
    const turns = new Turns()
    const { clock, loop, startedMs } = start(turns.take)
    loop.wake()
    loop.wakeBy(startedMs + 20 * SECOND_MS)
    turns.end(startedMs + 40 * SECOND_MS)
    await loop.idle()
    expect(clock.nextTimerMs).toBe(startedMs + 20 * SECOND_MS)
  })

  it('sets no timer for a time that it is told after its end', async () => {
    const { clock, loop, startedMs } = start(async () => undefined)
    await loop.stop()
    loop.wakeBy(startedMs + SECOND_MS)
    expect(clock.nextTimerMs).toBeUndefined()
  })

  it('comes back at once when the next turn was due already', async () => {
    const { clock, loop, startedMs } = start(async () => startedMs - MINUTE_MS)
    loop.wake()
    await settled()
    expect(clock.nextTimerMs).toBe(startedMs)
    expect(loop.isIdle).toBe(false)
  })

  it('is idle only when nothing is due now, without waiting for the clock', async () => {
    let taken = 0
    const { loop, startedMs } = start(async () => {
      taken += 1
      return taken < 4 ? startedMs : undefined
    })
    loop.wake()
    await loop.idle()
    expect(taken).toBe(4)
    expect(loop.isIdle).toBe(true)
  })

  it('is idle only when a turn that failed has been repeated', async () => {
    let taken = 0
    const { errors, loop } = start(async () => {
      taken += 1
      if (taken < 3) throw new Error('the database is busy')
      return undefined
    })
    loop.wake()
    await loop.idle()
    expect(taken).toBe(3)
    expect(errors).toHaveLength(2)
  })

  it('lets nobody wait for a turn that fails each time', async () => {
    const { clock, errors, loop, startedMs } = start(async () => {
      throw new Error('the database is gone')
    })
    loop.wake()
    await loop.idle()
    expect(errors).toHaveLength(3)
    clock.moveTo(startedMs + 5 * SECOND_MS)
    await loop.idle()
    expect(errors).toHaveLength(4)
  })

  it('keeps one timer however many turns it takes', async () => {
    let atMs = MINUTE_MS
    const { clock, loop, startedMs } = start(async () => startedMs + (atMs -= SECOND_MS))
    for (let i = 0; i < 5; i += 1) {
      loop.wake()
      await loop.idle()
    }
    expect(clock.nextTimerMs).toBe(startedMs + MINUTE_MS - 5 * SECOND_MS)
    await loop.stop()
    expect(clock.nextTimerMs).toBeUndefined()
  })

  it('logs a turn that failed, and tries again', async () => {
    const turns = new Turns()
    const { clock, errors, loop, startedMs } = start(turns.take)
    const error = new Error('the database is full')
    loop.wake()
    turns.fail(error)
    await settled()
    expect(errors).toEqual([{ worker: 'test', error }])
    expect(clock.nextTimerMs).toBe(startedMs + 5 * SECOND_MS)
    clock.moveTo(startedMs + 5 * SECOND_MS)
    expect(turns.taken).toBe(2)
    turns.end()
    await loop.idle()
    expect(errors).toHaveLength(1)
  })

  it('survives a turn that throws before it awaits anything', async () => {
    const { errors, loop } = start(() => {
      throw new Error('at once')
    })
    loop.wake()
    await settled()
    expect(errors).toHaveLength(1)
  })

  it('ends after the present turn, and takes none that was asked for', async () => {
    const turns = new Turns()
    const { clock, loop } = start(turns.take)
    loop.wake()
    loop.wake()
    let hasStopped = false
    const stopped = loop.stop().then(() => (hasStopped = true))
    await settled()
    expect(hasStopped).toBe(false)
    turns.end()
    await stopped
    loop.wake()
    await loop.idle()
    expect(turns.taken).toBe(1)
    expect(clock.nextTimerMs).toBeUndefined()
  })

  it('stops while it sleeps, and may be stopped twice', async () => {
    const { clock, loop, startedMs } = start(async () => startedMs + SECOND_MS)
    loop.wake()
    await loop.idle()
    await Promise.all([loop.stop(), loop.stop()])
    expect(clock.nextTimerMs).toBeUndefined()
  })
})
