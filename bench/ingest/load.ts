/** Process of the bench: sends requests over keep-alive connections and measures the answers. */
import { connect, type Socket } from 'node:net'
import { makeBodies, toRequest, type Mix } from './events.ts'

/** What a worker is to do. */
export interface LoadTask {
  readonly port: number
  readonly connections: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly mix: Mix
  /** Requests per second of this worker, spread evenly; 0 for as many as are answered. */
  readonly ratePerSecond: number
}

/** What came of it. */
export interface LoadResult {
  /** Answers 200 in all, those of the warming up included. */
  readonly accepted: number
  /** Answers 200 of the measured time. */
  readonly measured: number
  /** Other answers and broken connections. */
  readonly failed: number
  /** Microseconds of each measured answer. */
  readonly latenciesUs: Uint32Array
}

const BODIES = 4_000
const LATENCIES_MAX = 2_000_000
const OK = Buffer.from('HTTP/1.1 200')
const END_OF_HEAD = '\r\n\r\n'

class Load {
  accepted = 0
  failed = 0
  measured = 0
  readonly latenciesUs = new Uint32Array(LATENCIES_MAX)
  readonly #task: LoadTask
  readonly #bodies: ReturnType<typeof makeBodies>
  readonly #idle: ((dueMs: number) => void)[] = []
  readonly #backlog: number[] = []
  #next = 0
  #isOver = false
  #measureFromMs = Infinity

  constructor(task: LoadTask) {
    this.#task = task
    this.#bodies = makeBodies(BODIES, task.mix)
  }

  async run(): Promise<LoadResult> {
    const { connections, warmUpSeconds, seconds, ratePerSecond } = this.#task
    const startMs = performance.now()
    this.#measureFromMs = startMs + warmUpSeconds * 1_000
    const endMs = this.#measureFromMs + seconds * 1_000
    const clients = Array.from({ length: connections }, () => this.#serve())
    if (ratePerSecond > 0) await this.#pace(startMs, endMs)
    else await new Promise((resolve) => setTimeout(resolve, endMs - performance.now()))
    this.#isOver = true
    for (const wake of this.#idle.splice(0)) wake(Number.NaN)
    await Promise.all(clients)
    const { accepted, failed, measured } = this
    return { accepted, failed, measured, latenciesUs: this.latenciesUs.slice(0, measured) }
  }

  /** An open loop: a request is late from the time it was due, whoever kept it waiting. */
  async #pace(startMs: number, endMs: number): Promise<void> {
    const intervalMs = 1_000 / this.#task.ratePerSecond
    let dueMs = startMs
    while (dueMs < endMs) {
      for (const nowMs = performance.now(); dueMs <= nowMs; dueMs += intervalMs) {
        const wake = this.#idle.pop()
        if (wake === undefined) this.#backlog.push(dueMs)
        else wake(dueMs)
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
  }

  /** When the next request of a connection was due; NaN when there is none any more. */
  #turn(): number | Promise<number> {
    if (this.#isOver) return Number.NaN
    if (this.#task.ratePerSecond === 0) return performance.now()
    return this.#backlog.shift() ?? new Promise((resolve) => this.#idle.push(resolve))
  }

  async #serve(): Promise<void> {
    const socket = connect(this.#task.port, '127.0.0.1').setNoDelay(true)
    try {
      for (let dueMs = await this.#turn(); !Number.isNaN(dueMs); dueMs = await this.#turn()) {
        this.#next = (this.#next + 1) % this.#bodies.length
        const body = this.#bodies[this.#next]
        if (body === undefined) break
        const isOk = await exchange(socket, toRequest(body))
        const doneMs = performance.now()
        if (!isOk) this.failed += 1
        else {
          this.accepted += 1
          if (dueMs >= this.#measureFromMs && this.measured < LATENCIES_MAX && !this.#isOver) {
            this.latenciesUs[this.measured] = Math.round((doneMs - dueMs) * 1_000)
            this.measured += 1
          }
        }
      }
    } catch {
      // Counted; the bench says how many.
      this.failed += 1
    } finally {
      socket.destroy()
    }
  }
}

/** Sends a request; resolves with whether the answer is 200, once all of it is there. */
function exchange(socket: Socket, request: Buffer): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let answer: Buffer = Buffer.alloc(0)
    const settle = (): void => {
      socket.off('data', onData).off('error', onError).off('close', onClose)
    }
    const onData = (chunk: Buffer): void => {
      answer = answer.length === 0 ? chunk : Buffer.concat([answer, chunk])
      const end = answer.indexOf(END_OF_HEAD)
      if (end < 0) return
      const head = answer.toString('latin1', 0, end)
      const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN)
      const isChunkedEnd =
        Number.isNaN(length) && answer.subarray(-5).equals(Buffer.from('0\r\n\r\n'))
      if (answer.length < end + 4 + length || (Number.isNaN(length) && !isChunkedEnd)) return
      settle()
      resolve(answer.subarray(0, OK.length).equals(OK))
    }
    const onError = (error: Error): void => {
      settle()
      reject(error)
    }
    const onClose = (): void => onError(new Error('the server closed the connection'))
    socket.on('data', onData).on('error', onError).on('close', onClose)
    socket.write(request)
  })
}

if (process.send !== undefined) {
  process.once('message', (task: LoadTask) => {
    void new Load(task).run().then((result) => process.send?.(result, () => process.disconnect()))
  })
}
