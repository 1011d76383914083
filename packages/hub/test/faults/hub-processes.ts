/** Hub processes behind one address, as behind a load balancer: started, killed with no warning, started again. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type IncomingMessage, type ServerResponse, createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { bundleHub } from './bundle.ts'
import { openSqlite } from 'firma-receiver/sqlite'
import { wrapPostgres, wrapSqlite } from '../support/test-database.ts'
import { Watch } from '../support/watched-hub.ts'
import type { HubProcessSettings, ProcessNews } from './settings.ts'

/** One running hub. */
export interface HubProcess {
  /** Its own address, past the one that all of them share. */
  readonly url: string
  /** Ends it as a power cut does. */
  kill(): Promise<void>
  /** Asks it to end. @returns Its exit code, and the signal that ended it. */
  end(signal: 'SIGTERM'): Promise<{ exitCode: number | null; signal: string | null }>
  /** Stops it as a machine does that is put to sleep; nobody is sent to it meanwhile. @returns What wakes it. */
  freeze(): () => void
  /** Sends a signal and waits for nothing. */
  signal(signal: 'SIGTERM'): void
}

const BURIED = 'a process is gone; its work is taken over'

export class HubProcesses {
  readonly url: string
  /**
   * When one took another for dead, on the monotonic clock: one that gets no processor for 8 s, too. What that one was
   * sending is sent again.
   */
  readonly buriedAtMs: number[] = []
  /** What all of them have made of secrets, and logged. */
  readonly watch = new Watch({ isTraced: false })
  readonly #server: ReturnType<typeof createServer>
  readonly #bundle: Awaited<ReturnType<typeof bundleHub>>
  readonly #settings: Omit<HubProcessSettings, 'baseUrl'>
  readonly #alive = new Map<ChildProcess, string>()
  readonly #children = new Set<ChildProcess>()
  /** Loaded and waiting, because loading takes longer than everything else. */
  #spare: Promise<ChildProcess> | undefined
  #turn = 0

  private constructor(
    server: ReturnType<typeof createServer>,
    bundle: Awaited<ReturnType<typeof bundleHub>>,
    settings: Omit<HubProcessSettings, 'baseUrl'>,
  ) {
    this.#server = server
    this.#bundle = bundle
    this.#settings = settings
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  static async open(settings: Omit<HubProcessSettings, 'baseUrl'>): Promise<HubProcesses> {
    const server = createServer()
    // Closing an idle one may meet the next request, which then fails.
    server.keepAliveTimeout = 0
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const processes = new HubProcesses(server, await bundleHub(), settings)
    server.on('request', (incoming, outgoing) => processes.#forward(incoming, outgoing))
    return processes
  }

  /** Starts one more, with settings of its own. */
  async start(own: Pick<HubProcessSettings, 'senderThreads'> = {}): Promise<HubProcess> {
    const child = await (this.#spare ?? this.#load())
    this.#spare = this.#load()
    // Told when it is asked for.
    this.#spare.catch(() => undefined)
    const isListening = new Promise<string>((resolve, reject) => {
      child.on('message', (news: ProcessNews) => {
        if (typeof news === 'object' && 'url' in news) resolve(news.url)
      })
      child.once('exit', (code) => reject(new Error(`a hub ended with ${code} before it listened`)))
    })
    // One that has ended takes nothing, and says so itself.
    child.send({ ...this.#settings, ...own, baseUrl: this.url }, () => undefined)
    const message = { url: await isListening }
    this.#alive.set(child, message.url)
    const hasEnded = once(child, 'exit')
    return {
      url: message.url,
      signal: (signal) => void child.kill(signal),
      freeze: () => {
        this.#alive.delete(child)
        child.kill('SIGSTOP')
        return () => {
          child.kill('SIGCONT')
          this.#alive.set(child, message.url)
        }
      },
      kill: async () => {
        this.#alive.delete(child)
        child.kill('SIGKILL')
        await hasEnded
      },
      end: async (signal) => {
        this.#alive.delete(child)
        child.kill(signal)
        const [exitCode, by] = (await hasEnded) as [number | null, string | null]
        return { exitCode, signal: by }
      },
    }
  }

  /** Ends everything, and looks for what the hubs have made of secrets. */
  async close(): Promise<void> {
    await this.#spare?.catch(() => undefined)
    const kill = async (child: ChildProcess): Promise<void> => {
      const hasEnded = once(child, 'exit')
      child.kill('SIGKILL')
      await hasEnded
    }
    await Promise.all([...this.#children].map(kill))
    await this.#bundle.remove()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
    const leaks = await this.#findLeaks()
    if (leaks.length > 0) throw new Error(leaks.join('\n'))
  }

  async #findLeaks(): Promise<string[]> {
    const { sqlitePath, postgresUrl = '' } = this.#settings
    if (sqlitePath === undefined) {
      const database = wrapPostgres({ url: postgresUrl, drop: async () => undefined })
      // Where the test has broken its server for good, nothing is left to look into.
      const leaks = await this.watch.findLeaks(database).catch(() => [])
      await database.close()
      return leaks
    }
    const handle = await openSqlite(sqlitePath)
    const leaks = await this.watch.findLeaks(wrapSqlite(handle))
    await handle.close()
    return leaks
  }

  async #load(): Promise<ChildProcess> {
    const child = fork(this.#bundle.file, { execArgv: [] })
    this.#children.add(child)
    child.on('message', (news: ProcessNews) => {
      if (typeof news !== 'object') return
      if ('drawn' in news) this.watch.canaries.addBytes(Buffer.from(news.drawn, 'hex'))
      if (!('line' in news)) return
      this.watch.logLines.push(news.line)
      if (news.line.includes(BURIED)) this.buriedAtMs.push(performance.now())
    })
    const hasEnded = once(child, 'exit').then(([code]) => {
      this.#children.delete(child)
      this.#alive.delete(child)
      return `a hub ended with ${code} before it was loaded`
    })
    const failure = await Promise.race([once(child, 'message'), hasEnded])
    if (typeof failure === 'string') throw new Error(failure)
    return child
  }

  /** To each in turn; what cannot be answered is 502, as people see it when a server dies under their request. */
  #forward(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const urls = [...this.#alive.values()]
    const url = urls[(this.#turn += 1) % urls.length]
    const fail = (): void => {
      // The half of an answer must not look like a whole one.
      if (outgoing.headersSent) outgoing.destroy()
      else outgoing.writeHead(502).end()
    }
    if (url === undefined) {
      fail()
      return
    }
    const { method } = incoming
    // A connection of its own: one that is kept may close under the next request, which then ends without an error.
    const options = { method, headers: { ...incoming.headers, connection: 'close' }, agent: false }
    const onward = request(new URL(incoming.url ?? '/', url), options, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.on('error', fail)
      answer.pipe(outgoing)
    })
    onward.on('error', fail)
    onward.on('close', () => {
      if (!outgoing.headersSent) fail()
    })
    incoming.pipe(onward)
  }
}
