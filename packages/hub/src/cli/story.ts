/**
 * The whole life of a connection, played without a browser against a running demo: every step goes
 * through real HTTP, and every claim is checked at the app's end.
 */
import type { Connection } from 'firma-receiver'
import { type Decision, type Person, createPerson } from '../simulator/person.ts'
import type { Demo } from './demo.ts'
import { DEMO_REFERENCE_ID } from './demo-app.ts'

export interface StoryLine {
  readonly step: string
  readonly expected: string
  readonly observed: string
  readonly isRight: boolean
}

/** What a browser ended up with. */
interface Landing {
  readonly path: string
  readonly parameters: URLSearchParams
}

/** Deliveries arrive within milliseconds; a story that waits this long has failed. */
const ARRIVAL_MS_MAX = 10_000
const ARRIVAL_POLL_MS = 20

/** Plays the story from the beginning. @returns One line per claim. */
export async function playStory(demo: Demo): Promise<StoryLine[]> {
  const story = new Story(demo)
  await story.connect()
  await story.reconnect()
  await story.refuse()
  await story.revokeAtProvider()
  await story.disconnect()
  return story.lines
}

class Story {
  readonly lines: StoryLine[] = []
  readonly #demo: Demo
  readonly #person: Person = createPerson({ login: 'tony' })
  #seen = 0
  #garmin = ''
  #fitbit = ''

  constructor(demo: Demo) {
    this.#demo = demo
  }

  async connect(): Promise<void> {
    await this.#skipHistory()
    const landing = await this.#goThrough('GARMIN')
    this.#garmin = landing.parameters.get('user_id') ?? ''
    this.#claim(
      'connect Garmin',
      `/connected for ${DEMO_REFERENCE_ID} by GARMIN`,
      describe(landing),
    )
    this.#claim('', 'auth', await this.#nextEvents(1))
    await this.#claimConnection('', this.#garmin, `${DEMO_REFERENCE_ID} GARMIN active`)
    await this.#walk(this.#garmin)
    this.#claim('data arrives', 'activity', await this.#nextEvents(1))
    await this.#claimConnection('', this.#garmin, `${DEMO_REFERENCE_ID} GARMIN active`)
    const fitbit = await this.#goThrough('FITBIT')
    this.#fitbit = fitbit.parameters.get('user_id') ?? ''
    this.#claim('connect Fitbit too', 'auth', await this.#nextEvents(1))
  }

  async reconnect(): Promise<void> {
    const old = this.#garmin
    const landing = await this.#goThrough('GARMIN')
    this.#garmin = landing.parameters.get('user_id') ?? ''
    this.#claim(
      'connect Garmin again',
      'new user_id',
      old === this.#garmin ? 'same' : 'new user_id',
    )
    this.#claim('', 'user_reauth, auth', await this.#nextEvents(2))
    const listed = await this.#get(`/v2/userInfo?reference_id=${DEMO_REFERENCE_ID}`)
    const ids = (Array.isArray(listed) ? listed : []).map(
      (user: { user_id: string }) => user.user_id,
    )
    this.#claim('', 'old id not listed', ids.includes(old) ? 'old id listed' : 'old id not listed')
    const history = await this.#get(`/admin/v1/events?user_id=${old}&type=activity`)
    const kept = (history as { events: unknown[] }).events.length
    this.#claim('', 'old id in history', kept > 0 ? 'old id in history' : 'history lost')
    await this.#walk(old)
    await this.#walk(this.#garmin)
    this.#claim('data for both ids', 'activity, activity', await this.#nextEvents(2))
    const [before, after] = [await this.#resolve(old), await this.#resolve(this.#garmin)]
    const isSame = before !== undefined && before.lineageId === after?.lineageId
    this.#claim('', 'one lineage', isSame ? 'one lineage' : 'two lineages')
    await this.#claimConnection(
      'Fitbit untouched',
      this.#fitbit,
      `${DEMO_REFERENCE_ID} FITBIT active`,
    )
  }

  async refuse(): Promise<void> {
    const landing = await this.#goThrough('OURA', { decision: 'deny' })
    const reason = landing.parameters.get('reason')
    this.#claim('refuse Oura', '/failed, access_denied', `${landing.path}, ${reason}`)
    this.#claim('', 'auth_cancelled', await this.#nextEvents(1))
  }

  async revokeAtProvider(): Promise<void> {
    const { simulator, clientIds } = this.#demo
    const clientId = clientIds.get('FITBIT') ?? ''
    const [account] = simulator
      .accounts('FITBIT')
      .filter(({ login }) => login === this.#person.login)
    await simulator.removeApp('FITBIT', { clientId, accountId: account?.accountId ?? '' })
    this.#claim('remove the app at Fitbit', 'access_revoked', await this.#nextEvents(1))
    await this.#claimConnection('', this.#fitbit, `${DEMO_REFERENCE_ID} FITBIT revoked`)
  }

  async disconnect(): Promise<void> {
    const { simulator, clientIds, hub } = this.#demo
    const clientId = clientIds.get('GARMIN') ?? ''
    const [account] = simulator
      .accounts('GARMIN')
      .filter(({ login }) => login === this.#person.login)
    await this.#call('DELETE', `/v2/auth/deauthenticateUser?user_id=${this.#garmin}`)
    this.#claim('disconnect Garmin by API', 'deauth', await this.#nextEvents(1))
    await this.#claimConnection('', this.#garmin, `${DEMO_REFERENCE_ID} GARMIN disconnected`)
    await hub.settle()
    const lives = simulator.isGrantActive('GARMIN', account?.accountId ?? '', clientId)
    this.#claim('', 'revoked at Garmin', lives ? 'still granted at Garmin' : 'revoked at Garmin')
  }

  /** Link → connect page → provider → callback → the app's own page. */
  async #goThrough(provider: string, decision: Decision = {}): Promise<Landing> {
    const session = await this.#call('POST', '/v2/auth/generateWidgetSession', {
      reference_id: DEMO_REFERENCE_ID,
      auth_success_redirect_url: `${this.#demo.appUrl}/connected`,
      auth_failure_redirect_url: `${this.#demo.appUrl}/failed`,
    })
    const link = (session as { url: string }).url
    await this.#person.request(link)
    const form = new URLSearchParams({ provider })
    const departure = await this.#person.request(`${link}/connect`, form)
    const login = departure.headers.get('location') ?? ''
    const callback = await this.#person.authorize(login, decision)
    const arrival = await this.#person.request(callback)
    const target = new URL(arrival.headers.get('location') ?? 'about:blank')
    return { path: target.pathname, parameters: target.searchParams }
  }

  async #walk(userId: string): Promise<void> {
    const data = [{ distance_data: { steps: 1_200 } }]
    await this.#call('POST', '/admin/v1/events/generate', {
      type: 'activity',
      user_id: userId,
      data,
    })
  }

  /** The app's next events, in the order in which it accepted them. */
  async #nextEvents(count: number): Promise<string> {
    const deadlineMs = Date.now() + ARRIVAL_MS_MAX
    for (;;) {
      const { events } = await this.#demo.receiver.listEvents({ after: this.#seen, limit: 100 })
      if (events.length >= count || Date.now() >= deadlineMs) {
        this.#seen = events.at(-1)?.seq ?? this.#seen
        return events.map((event) => event.type).join(', ') || 'nothing'
      }
      await new Promise((resolve) => setTimeout(resolve, ARRIVAL_POLL_MS))
    }
  }

  /** What an earlier run has left in the inbox is not part of this story. */
  async #skipHistory(): Promise<void> {
    let after: number | undefined = 0
    while (after !== undefined) {
      const page: { events: { seq: number }[]; next: number | undefined } =
        await this.#demo.receiver.listEvents({ after, limit: 1_000 })
      this.#seen = page.events.at(-1)?.seq ?? this.#seen
      after = page.next
    }
  }

  async #resolve(userId: string): Promise<Connection | undefined> {
    return await this.#demo.receiver.resolve(userId)
  }

  async #claimConnection(step: string, userId: string, expected: string): Promise<void> {
    const found = await this.#resolve(userId)
    const observed =
      found === undefined ? 'unknown' : `${found.referenceId} ${found.provider} ${found.status}`
    this.#claim(step, expected, observed)
  }

  #claim(step: string, expected: string, observed: string): void {
    this.lines.push({ step, expected, observed, isRight: expected === observed })
  }

  async #get(path: string): Promise<unknown> {
    return await this.#call('GET', path)
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const { devId, apiKey } = this.#demo.credentials
    const response = await fetch(this.#demo.hubUrl + path, {
      method,
      headers: { 'dev-id': devId, 'x-api-key': apiKey, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return await response.json()
  }
}

function describe({ path, parameters }: Landing): string {
  return `${path} for ${parameters.get('reference_id')} by ${parameters.get('resource')}`
}

/** The story as a table for a terminal. */
export function toTable(lines: readonly StoryLine[]): string {
  const widthOf = (texts: string[]): number => Math.max(...texts.map((text) => text.length))
  const stepWidth = widthOf(['step', ...lines.map(({ step }) => step)])
  const expectedWidth = widthOf(['expected', ...lines.map(({ expected }) => expected)])
  const rows = lines.map(
    ({ step, expected, observed, isRight }) =>
      `${isRight ? 'ok  ' : 'FAIL'}  ${step.padEnd(stepWidth)}  ${expected.padEnd(expectedWidth)}  ${observed}`,
  )
  const head = `      ${'step'.padEnd(stepWidth)}  ${'expected'.padEnd(expectedWidth)}  observed`
  return [head, ...rows].join('\n')
}
