/** How the service spells connections, events and explanations: snake_case, times in RFC 3339. */
import type { EnvironmentConnection, Explanation, InboxEvent, TimelineEntry } from 'firma-receiver'

export function toWireConnection(connection: EnvironmentConnection): Record<string, unknown> {
  return {
    lineage_id: connection.lineageId,
    user_id: connection.userId,
    aliases: connection.aliases,
    environment: connection.environment,
    reference_id: connection.referenceId ?? null,
    provider: connection.provider ?? null,
    scopes: connection.scopes ?? null,
    status: connection.status,
    since: toTime(connection.sinceMs),
    decided_by: connection.decidedBy ?? null,
    ambiguous_with: connection.ambiguousWith ?? null,
  }
}

/** An event without its body, which can have ten megabytes. */
export function toWireEvent(event: InboxEvent): Record<string, unknown> {
  return {
    seq: event.seq,
    type: event.type,
    user_id: event.userId ?? null,
    environment: event.environment,
    trace_id: event.traceId ?? null,
    event_key: event.eventKey,
    ordering_at: toTime(event.orderingMs),
    received_at: toTime(event.receivedAtMs),
    state: event.handlerState,
    state_at: toTime(event.handlerStateAtMs),
    due_at: toTime(event.handlerDueAtMs),
    attempts: event.attempts,
    error: event.handlerError ?? null,
    body_bytes: event.body.length,
  }
}

export function toWireExplanation(explanation: Explanation): Record<string, unknown> {
  const { connection, why, todo, code, timeline, hasMore } = explanation
  return {
    connection: toWireConnection(connection),
    why,
    todo,
    code,
    timeline: timeline.map(toWireEntry),
    has_more: hasMore,
  }
}

function toWireEntry(entry: TimelineEntry): Record<string, unknown> {
  return {
    seq: entry.seq ?? null,
    type: entry.type,
    user_id: entry.userId ?? null,
    at: toTime(entry.atMs),
    received_at: toTime(entry.receivedAtMs),
    text: entry.text,
    is_deciding: entry.isDeciding,
  }
}

function toTime(ms: number | undefined): string | null {
  // A sender may write a time that no date can hold.
  if (ms === undefined || Math.abs(ms) > 8.64e15) return null
  return new Date(ms).toISOString()
}
