/**
 * Fetches from a hub what it would have delivered, so that any outage of ours is repaired from our side alone. What comes is taken in like
 * a delivery, under the same trace id and with the same proof, so whatever has come both ways is a duplicate.
 */
import { askApi, fail, type ApiFailure, type ApiOptions } from './api-client.ts'
import { EventError } from './core/event-error.ts'
import { isJsonObject, readObject, readText, type JsonObject } from './core/json-fields.ts'
import { VerificationError } from './core/verification-error.ts'
import type { ReceiverContext } from './receiver-context.ts'
import { ReceiverError } from './receiver-error.ts'

/** What to fetch, where, and as whom. */
export interface RecoverOptions extends ApiOptions {
  /** The hub's admin API with its version: `https://hub.example/admin/v1`. */
  baseUrl: string
  /** Whose events, and signed with whose secret; the environment's oldest destination by default. */
  destinationId?: string
  /** Begins after this cursor instead of where the last one ended, and with an empty text at the oldest event that the hub has. */
  from?: string
  /** Events on a page, from 1 to 100; 100 by default. */
  pageEvents?: number
  /** Most pages of one call, from 1 to 100,000; 1,000 by default. The next call goes on from there. */
  pagesMax?: number
}

/** Events that the hub no longer has and that were not fetched before. */
export interface RecoverGap {
  /** `removed`: their retention there had passed. `other_history`: the hub's database is a new one, or an older copy of it. */
  reason: 'removed' | 'other_history'
  /** The place that could not be gone on from. What follows it there, up to the oldest event that the hub has, is missing here. */
  cursor: string
  /** What the hub says: a sentence for people. */
  detail: string
}

/** What came of fetching. */
export interface RecoverReport {
  /**
   * - `complete`: everything up to now has been taken in.
   * - `incomplete`: everything that the hub has, too, but see {@link RecoverReport.gap}.
   * - `partial`: there is more, see {@link RecoverOptions.pagesMax}.
   * - `failed`: see {@link RecoverReport.failure}.
   */
  status: 'complete' | 'incomplete' | 'partial' | 'failed'
  /** What cannot be fetched any more; then it began again at the oldest event that the hub has. Repair the rest with `reconcile`. */
  gap: RecoverGap | undefined
  /** Why it ended early. What came before stays, and the next call repeats the page. */
  failure: ApiFailure | undefined
  /** Events that had not come before. */
  accepted: number
  /** Events that had. */
  duplicates: number
  /** Where the next call begins; kept in the store. */
  cursor: string
}

const PAGE_EVENTS_MAX = 100
const PAGES = 1_000
const PAGES_MAX = 100_000
const CURSOR_LENGTH_MAX = 1_024
const encoder = new TextEncoder()

interface Page {
  events: { body: Uint8Array; headers: Record<string, string> }[]
  next: string
  isMore: boolean
}

/** How the hub names what a cursor cannot be gone on from. */
const GAP_REASONS = {
  cursor_expired: 'removed',
  cursor_unknown: 'other_history',
} as const

/** See `Receiver.recover`. */
export async function recover(
  { store, clock, receive }: ReceiverContext,
  options: RecoverOptions,
): Promise<RecoverReport> {
  const { pageEvents = PAGE_EVENTS_MAX, pagesMax = PAGES, destinationId, from } = options
  checkBound('pageEvents', pageEvents, PAGE_EVENTS_MAX)
  checkBound('pagesMax', pagesMax, PAGES_MAX)
  // Not by address: the same hub under another one goes on where it was.
  const name = JSON.stringify(['pull', options.devId, destinationId ?? null])
  const saved = from ?? (await store.transaction((tx) => tx.findCursor(name), { kind: 'read' }))
  const report: RecoverReport = {
    status: 'partial',
    gap: undefined,
    failure: undefined,
    accepted: 0,
    duplicates: 0,
    cursor: saved ?? '',
  }
  const save = async (): Promise<void> => {
    const cursor = { name, value: report.cursor, atMs: clock() }
    await store.transaction((tx) => tx.saveCursor(cursor), { kind: 'event' })
  }
  for (let pages = 0; pages < pagesMax;) {
    const page = await fetchPage(options, report.cursor, pageEvents)
    const gap = 'failure' in page ? toGap(page.failure, report) : undefined
    if (gap !== undefined) {
      report.gap = gap
      report.cursor = ''
      continue
    }
    pages += 1
    const failure = 'failure' in page ? page.failure : await takeIn(page, receive, report)
    if ('failure' in page || failure !== undefined) return { ...report, status: 'failed', failure }
    const isMoved = page.next !== report.cursor
    report.cursor = page.next
    const isEnd = !page.isMore || !isMoved
    // After its events: a process that ends in between fetches them again, and knows them. Past a gap only together with the report of it.
    if (isMoved && (report.gap === undefined || isEnd || pages === pagesMax)) await save()
    if (isEnd) return { ...report, status: report.gap === undefined ? 'complete' : 'incomplete' }
  }
  return report
}

/** Whether a failure says that something after the cursor is gone. Without a cursor, or a second time, it says nothing that we know. */
function toGap({ code, detail }: ApiFailure, report: RecoverReport): RecoverGap | undefined {
  const { cursor } = report
  if (report.gap !== undefined || cursor === '') return undefined
  if (code !== 'cursor_expired' && code !== 'cursor_unknown') return undefined
  return { reason: GAP_REASONS[code], cursor, detail }
}

/** One after the other, in the order of the hub; resolves with why one could not be taken. */
async function takeIn(
  { events }: Page,
  receive: ReceiverContext['receive'],
  report: RecoverReport,
): Promise<ApiFailure | undefined> {
  for (const event of events) {
    try {
      const { status } = await receive(event)
      report[status === 'accepted' ? 'accepted' : 'duplicates'] += 1
    } catch (error) {
      const isRefused =
        error instanceof VerificationError ||
        error instanceof EventError ||
        error instanceof ReceiverError
      if (!isRefused) throw error
      return fail('refused', 200, `an event was refused: ${error.message}`).failure
    }
  }
  return undefined
}

async function fetchPage(
  options: RecoverOptions,
  cursor: string,
  pageEvents: number,
): Promise<Page | { failure: ApiFailure }> {
  const answer = await askApi(options, '/events/pull', {
    limit: String(pageEvents),
    ...(cursor === '' ? {} : { after: cursor }),
    ...(options.destinationId === undefined ? {} : { destination_id: options.destinationId }),
  })
  if (!answer.ok) return answer
  const page = readPage(answer.value)
  return page ?? fail('unrecognised', 200, 'the answer is no page of events')
}

function readPage(value: unknown): Page | undefined {
  if (!isJsonObject(value)) return undefined
  const { data, next, has_more: isMore } = value
  if (!Array.isArray(data) || typeof next !== 'string' || typeof isMore !== 'boolean') {
    return undefined
  }
  if (next.length > CURSOR_LENGTH_MAX) return undefined
  const events = data.map(readEvent).filter((event) => event !== undefined)
  // Half a page is none: what cannot be read would be passed over for ever.
  return events.length === data.length ? { events, next, isMore } : undefined
}

function readEvent(value: unknown): Page['events'][number] | undefined {
  if (!isJsonObject(value)) return undefined
  const [body, headers] = [readText(value, 'body'), readObject(value, 'headers')]
  if (body === undefined || headers === undefined) return undefined
  return { body: encoder.encode(body), headers: readHeaders(headers) }
}

function readHeaders(object: JsonObject): Record<string, string> {
  const texts = Object.entries(object).filter((entry): entry is [string, string] => {
    return typeof entry[1] === 'string'
  })
  return Object.fromEntries(texts)
}

function checkBound(name: string, value: number, max: number): void {
  if (Number.isSafeInteger(value) && value >= 1 && value <= max) return
  throw new RangeError(`${name} must be a whole number from 1 to ${max}, found ${value}`)
}
