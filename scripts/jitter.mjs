// `FIRMA_JITTER=<seed>`: small random delays where tests meet the machine, so that whatever only holds on a fast one
// falls now and not in CI. Loaded by vitest before each test file and by the Node processes that tests start.
//
// Delayed are the writes of every TCP connection, each in its order: calls to providers and destinations, their
// answers, the hub's own, and statements to PostgreSQL. Further the turns of the delivery worker, and through `pause`
// the statements on SQLite. Nothing is reordered that has an order, and nothing is lost.
import { createRequire, syncBuiltinESMExports } from 'node:module'
import { Socket } from 'node:net'

const { setTimeout } = globalThis
const seed = Number(process.env['FIRMA_JITTER'] || Number.NaN)
let isOn = !Number.isNaN(seed)

/** Mulberry32: the same seed delays the same things as long as they come in the same order. */
let state = seed
function fraction() {
  state = (state + 0x6d2b79f5) | 0
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
}

/** Milliseconds: mostly none, else up to 40, and 200 now and then. */
function draw(share) {
  const luck = fraction()
  if (luck < 0.01 * share) return 200
  return luck < share ? fraction() * 40 : 0
}

/** For what counts turns of the event loop, as virtual time does: there a delay would be another run. */
export function stopDelays() {
  isOn = false
}

/** Waits for a moment, or not at all; `share` of the times it does. */
export async function pause(share) {
  const pauseMs = isOn ? draw(share) : 0
  if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
}

function delayWrites() {
  const write = Socket.prototype._writeGeneric
  Socket.prototype._writeGeneric = function (...args) {
    // Pipes to child processes and to the test runner are left alone.
    const pauseMs = this._handle?.constructor.name === 'TCP' ? draw(0.4) : 0
    if (pauseMs === 0) return write.apply(this, args)
    // The stream hands over nothing more until this has been written.
    setTimeout(() => write.apply(this, args), pauseMs)
  }
}

function delayTurns() {
  const timers = createRequire(import.meta.url)('node:timers/promises')
  const { setImmediate } = timers
  timers.setImmediate = async (value) => {
    await pause(0.2)
    return await setImmediate(value)
  }
  syncBuiltinESMExports()
}

const MARK = Symbol.for('firma.jitter')
if (isOn && !(MARK in globalThis)) {
  globalThis[MARK] = true
  delayWrites()
  delayTurns()
  const options = process.env['NODE_OPTIONS'] ?? ''
  const own = `--import=${new URL(import.meta.url).href}`
  if (!options.includes(own)) process.env['NODE_OPTIONS'] = `${options} ${own}`.trim()
}
