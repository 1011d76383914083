/** Health data as an app wants it: whose it is, what it is, and the items. */
import type { DataEvent, Event } from './event.ts'
import type { Connection } from './fold.ts'
import { isJsonObject, readObject, type JsonObject } from './json-fields.ts'

/** A data event with its owner. */
export interface DataEnvelope {
  /** The wire's type: `activity`, `daily`, `sleep`, `athlete` … */
  type: string
  /** The `user_id` that the event names; maybe an alias that was replaced since. */
  userId: string | undefined
  /** Stays the same over reconnections: the key for your own tables. `undefined` when the connection is not known. */
  lineageId: string | undefined
  /** Your own name for the end user, as the connection says, not as the data says. */
  referenceId: string | undefined
  /** The provider in upper case. */
  provider: string | undefined
  /** Version of the payload format. */
  version: string | undefined
  /** The objects of the `data` list; empty for `athlete`. Anything in the list that is no object is left out. */
  items: JsonObject[]
  /** The profile of an `athlete` event, which has an object in place of a list. */
  athlete: JsonObject | undefined
}

/**
 * Reads a data event.
 *
 * @param event Any event.
 * @param connection Whose it is: `context.connection` in `onEvent`, or what `resolve` found.
 * @returns `undefined` for an event that is no data.
 */
export function toData(event: Event, connection: Connection | undefined): DataEnvelope | undefined {
  if (event.kind !== 'data') return undefined
  const { type, user, version, body } = event
  return {
    type,
    userId: user?.userId,
    lineageId: connection?.lineageId,
    // A connection that is known has the last word: what a body says about people is not proved by being sent later.
    referenceId: connection === undefined ? event.referenceId : connection.referenceId,
    provider: user?.provider ?? connection?.provider,
    version,
    items: readItems(event),
    athlete: type === 'athlete' ? (readObject(body, 'athlete') ?? readFirst(event)) : undefined,
  }
}

function readItems({ type, body }: DataEvent): JsonObject[] {
  const list = Object.hasOwn(body, 'data') ? body['data'] : undefined
  if (type === 'athlete' || !Array.isArray(list)) return []
  return list.filter((item) => isJsonObject(item))
}

/** Some senders put the profile into a list like all other data. */
function readFirst({ body }: DataEvent): JsonObject | undefined {
  const list = Object.hasOwn(body, 'data') ? body['data'] : undefined
  const [first]: unknown[] = Array.isArray(list) ? list : [list]
  return isJsonObject(first) ? first : undefined
}
