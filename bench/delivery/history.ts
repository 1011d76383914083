/** A history as if its events had been announced and delivered: rows by the million, written by the database itself. */
import { ENVIRONMENT, type World, series } from './world.ts'

/** Rows of one statement; each dirties most pages of the indexes by connection. */
const STEP = 500_000

/** As if it had been counted for the charts when it was new. */
const COUNTED = `
  UPDATE count_cursor SET seq = (SELECT max(seq) FROM event) WHERE name = 'event';
  UPDATE count_cursor SET seq = (SELECT max(id) FROM delivery) WHERE name = 'delivery'`

/**
 * Adds events numbered from `from` to below `to`, spread over the users, each delivered at the first attempt to the
 * destination. Their bodies are that of the newest event, of which there has to be one.
 */
export async function fillHistory(
  world: World,
  destinationId: string,
  { from, to }: { from: number; to: number },
): Promise<void> {
  if (to <= from) return
  const statements: string[] = []
  for (let at = from; at < to; at += STEP) {
    statements.push(fill(destinationId, world.users, at, Math.min(to, at + STEP)))
  }
  await world.refill([...statements, COUNTED])
}

function fill(destinationId: string, users: number, from: number, to: number): string {
  const nowMs = Date.now()
  // Below the ids of real events, in the order of their numbers.
  const eventId = `'00000000-' || CAST(10000000000 + i AS text)`
  const user = `CAST((i * 7919) % ${users} AS text)`
  return `
    BEGIN;
    INSERT INTO event (id, environment_id, type, lineage_id, order_key, user_id, reference_id, provider, body,
      ordering_ms, created_at_ms, fan_out)
    ${series(from, to)} SELECT ${eventId}, '${ENVIRONMENT.id}', 'daily', 'lineage-' || ${user}, 'lineage-' || ${user},
      'user-' || ${user}, 'person-' || ${user}, 'GARMIN', newest.body, ${nowMs}, ${nowMs}, 1
    FROM series, (SELECT body FROM event ORDER BY seq DESC LIMIT 1) AS newest;
    INSERT INTO delivery (event_id, destination_id, order_key, is_data, resend_id, status, attempts, tries, due_at_ms,
      trying_since_ms, created_at_ms, ended_at_ms)
    ${series(from, to)} SELECT ${eventId}, '${destinationId}', 'lineage-' || ${user}, 1, '', 'delivered', 1, 1,
      ${nowMs}, ${nowMs}, ${nowMs}, ${nowMs} FROM series;
    INSERT INTO attempt (delivery_id, number, started_at_ms, duration_ms, http_status, response_headers, response_body)
    ${series(from, to)} SELECT delivery.id, 1, ${nowMs}, 21, 200, '{"connection":"keep-alive"}', ''
    FROM series JOIN delivery ON delivery.event_id = ${eventId};
    COMMIT`
}
