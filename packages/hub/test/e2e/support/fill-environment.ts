/** An environment with many rows of everything, in which all that people name is long. */
import type { Demo } from '../../../src/cli/demo.ts'
import { apiKeyRow, connectionRow, destinationRow, eventRow } from '../../support/store-rows.ts'

/** What each long name has in it. */
export const LONG_NAME = /_without_a_place_/
const LONG = 'a very long name without a place to break it '.replaceAll(' ', '_').repeat(3)

/** Adds so many connections, events, destinations, keys, resends, moves and changes on record to the demo's environment. */
export async function fillEnvironment({ hub, credentials }: Demo, count: number): Promise<void> {
  const { store, clock } = hub.deps
  const environmentId = credentials.devId
  const atMs = clock.nowMs()
  const job = { environmentId, actor: LONG, createdAtMs: atMs, endedAtMs: atMs }
  const add = async (index: number): Promise<void> => {
    // Behind the ids of everything that is there, which begin with a digit.
    const id = `row-${String(index).padStart(4, '0')}`
    const person = { environmentId, referenceId: `${LONG}${index}` }
    await store.connections.save(
      connectionRow({ ...person, lineageId: id, provider: 'FITBIT', createdAtMs: atMs }),
      atMs,
    )
    await store.events.add(
      eventRow({ ...person, id, lineageId: null, orderKey: id, createdAtMs: atMs, fanOut: 0 }),
    )
    const url = `https://app.example/${LONG}${index}`
    const isOff = { status: 'disabled', disabledReason: 'a test' } as const
    await store.destinations.add(destinationRow({ environmentId, id, url, ...isOff }))
    await store.apiKeys.add(apiKeyRow({ environmentId, id, keyHash: id, name: `${LONG}${index}` }))
    const range = { cursorSeq: 1, throughSeq: 1, deliveries: index }
    await store.resends.add({ ...job, ...range, id, filter: { referenceId: LONG }, status: 'done' })
    const route = { from: 'FITBIT', to: 'GOOGLE', kind: 'reconnect' } as const
    const pace = { perMinute: 60, nextAtMs: atMs, status: 'ended' } as const
    await store.moves.add({ ...job, ...route, ...pace, id })
    const change = { action: 'key.create', subject: LONG, detail: { name: LONG } }
    await store.audit.add({ ...job, ...change, id })
  }
  for (let index = 0; index < count; index += 1) await add(index)
}
