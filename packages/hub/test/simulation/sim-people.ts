/** People who connect, reconnect and disconnect, and their data; several things at once, each until its process dies. */
import type { Chance } from '../support/seeded.ts'

type Send = (request: Request) => Promise<Response>

const DEV_ID = 'simulated'
const NAMES = ['ada', 'grace', 'tony']

export class SimPeople {
  readonly #chance: Chance
  /** Present `user_id` by name, as the app knows it. */
  readonly #userIds = new Map<string, string>()
  readonly #connected: string[] = []
  readonly #disconnected: string[] = []
  readonly #announced: string[] = []

  constructor(chance: Chance) {
    this.#chance = chance
  }

  /** Begins something; it goes on by itself. */
  act(send: Send, apiKey: string): void {
    const name = this.#chance.pick(NAMES)
    const userId = this.#userIds.get(name)
    const luck = this.#chance.fraction()
    const call = createCall(send, apiKey)
    const doing =
      userId === undefined || luck < 0.35
        ? this.#connect(send, call, name)
        : luck < 0.45
          ? this.#disconnect(call, name, userId)
          : this.#announce(call, userId)
    // What a hub refuses or cannot do is not done.
    doing.catch(() => undefined)
  }

  /** What was confirmed and is not in the database. */
  findBroken(events: readonly Record<string, unknown>[]): string[] {
    const ids = new Set(events.map((event) => event['id']))
    const has = (type: string, userId: string): boolean =>
      events.some((event) => event['type'] === type && event['user_id'] === userId)
    return [
      ...this.#announced.filter((id) => !ids.has(id)).map((id) => `event ${id} is gone`),
      ...this.#connected
        .filter((id) => !has('auth', id))
        .map((id) => `${id} was told to be connected`),
      ...this.#disconnected
        .filter((id) => !has('deauth', id))
        .map((id) => `${id} was told to be disconnected`),
    ]
  }

  async #connect(send: Send, call: Call, name: string): Promise<void> {
    const body = {
      reference_id: name,
      auth_success_redirect_url: 'https://app.example/connected',
      auth_failure_redirect_url: 'https://app.example/failed',
    }
    const started = await call('POST', '/v2/auth/authenticateUser?resource=FITBIT', body)
    const departure = await send(new Request(String(started['auth_url'])))
    const cookie = departure.headers.getSetCookie().map((one) => one.split(';')[0])
    const { searchParams } = new URL(departure.headers.get('location') ?? '')
    const callback = new URL(searchParams.get('redirect_uri') ?? '')
    callback.searchParams.set('code', `code of ${name}`)
    callback.searchParams.set('state', searchParams.get('state') ?? '')
    const arrival = await send(new Request(callback, { headers: { cookie: cookie.join('; ') } }))
    const end = new URL(arrival.headers.get('location') ?? '')
    const userId = end.searchParams.get('user_id')
    if (userId === null) return
    this.#connected.push(userId)
    this.#userIds.set(name, userId)
  }

  async #disconnect(call: Call, name: string, userId: string): Promise<void> {
    this.#userIds.delete(name)
    await call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
    this.#disconnected.push(userId)
  }

  async #announce(call: Call, userId: string): Promise<void> {
    const body = { type: 'daily', user_id: userId, data: [] }
    const { event_id: eventId } = await call('POST', '/admin/v1/events/generate', body)
    this.#announced.push(String(eventId))
  }
}

type Call = (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>

function createCall(send: Send, apiKey: string): Call {
  return async (method, path, body) => {
    const response = await send(
      new Request(`http://hub.test${path}`, {
        method,
        headers: { 'dev-id': DEV_ID, 'x-api-key': apiKey, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    )
    if (!response.ok) throw new RangeError(`${method} ${path} answered ${response.status}`)
    return (await response.json()) as Record<string, unknown>
  }
}
