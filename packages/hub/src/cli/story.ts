/**
 * The whole life of a connection, played without a browser against a running demo: every step goes
 * through real HTTP, and every claim is checked at the app's end.
 */
import type { Connection } from 'firma-receiver'
import { assert } from '../errors.ts'
import { type Decision, type Person, createPerson } from '../simulator/person.ts'
import { PROFILES, settingsPath } from '../simulator/profile.ts'
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
const ARRIVAL_MS_MAX = 60_000
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
    await this.#demo.client.sendWalk(this.#garmin)
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
    const ids = await this.#demo.client.listUserIds(DEMO_REFERENCE_ID)
    this.#claim('', 'old id not listed', ids.includes(old) ? 'old id listed' : 'old id not listed')
    const history = await this.#demo.client.listEvents(old)
    const isKept = history.some(({ type }) => type === 'activity')
    this.#claim('', 'old id in history', isKept ? 'old id in history' : 'history lost')
    await this.#demo.client.sendWalk(old)
    await this.#demo.client.sendWalk(this.#garmin)
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
    const profile = PROFILES.get('FITBIT')
    assert(profile !== undefined, 'the demo simulates Fitbit')
    const clientId = this.#demo.clientIds.get('FITBIT') ?? ''
    const form = new URLSearchParams({ action: 'remove', client_id: clientId })
    await this.#person.request(this.#demo.simulatorUrl + settingsPath(profile), form)
    this.#claim('remove the app at Fitbit', 'access_revoked', await this.#nextEvents(1))
    await this.#claimConnection('', this.#fitbit, `${DEMO_REFERENCE_ID} FITBIT revoked`)
  }

  async disconnect(): Promise<void> {
    const { simulator, clientIds, hub } = this.#demo
    const clientId = clientIds.get('GARMIN') ?? ''
    const [account] = simulator
      .accounts('GARMIN')
      .filter(({ login }) => login === this.#person.login)
    await this.#demo.client.disconnect(this.#garmin)
    this.#claim('disconnect Garmin by API', 'deauth', await this.#nextEvents(1))
    await this.#claimConnection('', this.#garmin, `${DEMO_REFERENCE_ID} GARMIN disconnected`)
    await hub.settle()
    const lives = simulator.isGrantActive('GARMIN', account?.accountId ?? '', clientId)
    this.#claim('', 'revoked at Garmin', lives ? 'still granted at Garmin' : 'revoked at Garmin')
  }

  /** Link → connect page → provider → callback → the app's own page. */
  async #goThrough(provider: string, decision: Decision = {}): Promise<Landing> {
    const link = await this.#demo.client.createLink(DEMO_REFERENCE_ID)
    await this.#person.request(link)
    const form = new URLSearchParams({ provider })
    const departure = await this.#person.request(`${link}/connect`, form)
    const login = departure.headers.get('location') ?? ''
    const callback = await this.#person.authorize(login, decision)
    const arrival = await this.#person.request(callback)
    const target = new URL(arrival.headers.get('location') ?? 'about:blank')
    return { path: target.pathname, parameters: target.searchParams }
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
