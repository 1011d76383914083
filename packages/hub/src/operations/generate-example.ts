/** Announces examples: what an app would be told, without anything having happened. */
import type { EventRecord } from '../core/event-body.ts'
import type { ClockDep, IdsDep, WakeDep } from '../deps.ts'
import { assert } from '../errors.ts'
import type { Environment } from '../store/environments.ts'
import { GENERATED_LANE } from '../store/events.ts'
import type { StoreDep } from '../store/open.ts'
import { draftEvents } from './announce.ts'
import { type ExampleOptions, signExample } from './examples.ts'
import { writeAudit } from './write-audit.ts'

type Deps = ClockDep & IdsDep & StoreDep & WakeDep

/** One event of an example; it has an id when it was announced. */
export interface GeneratedEvent {
  readonly id: string | null
  readonly type: string
  /** The exact JSON text. */
  readonly body: string
}

/** The bodies of an example; nothing is announced. */
export async function previewExample(
  name: string,
  options: ExampleOptions,
): Promise<GeneratedEvent[]> {
  const records = await toRecords(name, options)
  return records.map(({ type, body }) => ({ id: null, type, body }))
}

/**
 * Announces an example in a lane of its own: it is marked there, belongs to no connection, and changes
 * none, whatever `user_id` it names.
 *
 * @param to Where to; `destinationId` null for every destination.
 */
export async function generateExample(
  deps: Deps,
  environment: Pick<Environment, 'id'>,
  example: { readonly name: string; readonly options: ExampleOptions },
  to: { readonly destinationId: string | null; readonly actor: string },
): Promise<GeneratedEvent[]> {
  const { name, options } = example
  const records = await toRecords(name, options)
  const laneId = `${GENERATED_LANE}${deps.ids.ordered()}`
  const { events, deliveries } = await deps.store.transaction(async (tx) => {
    const all = await tx.destinations.listSubscriptions(environment.id)
    const chosen = all.filter(({ id }) => to.destinationId === null || id === to.destinationId)
    const lane = {
      environmentId: environment.id,
      lineageId: null,
      orderKey: laneId,
      lastOrderingMs: 0,
      traceParent: null,
    }
    const drafts = draftEvents(deps, lane, records, chosen)
    await tx.events.addMany(drafts.events)
    await tx.deliveries.addMany(drafts.deliveries)
    await writeAudit(deps, tx, {
      environmentId: environment.id,
      actor: to.actor,
      action: 'event.generate',
      subject: drafts.events[0]?.id ?? laneId,
      detail: { example: name, events: records.length, destination_id: to.destinationId },
    })
    return drafts
  })
  deps.wake.deliveries([...new Set(deliveries.map(({ destinationId }) => destinationId))])
  return events.map(({ id, type, body }) => ({ id, type, body }))
}

async function toRecords(name: string, options: ExampleOptions): Promise<EventRecord[]> {
  // Each delivery is signed with its destination's secret when it is sent; this signature is thrown away.
  const requests = await signExample(name, options, 'unused')
  assert(requests !== undefined, 'the route lets only known examples pass')
  return requests.map(({ event, body }) => {
    const user = (event['user'] ?? event['new_user'] ?? {}) as Readonly<Record<string, unknown>>
    return {
      type: event.type,
      userId: toText(user['user_id']),
      referenceId: toText(user['reference_id'] ?? event['reference_id']),
      provider: toText(user['provider'] ?? options.provider?.toUpperCase()),
      body: new TextDecoder().decode(body),
    }
  })
}

function toText(value: unknown): string | null {
  return typeof value === 'string' ? value : null
}
