import type { EventWithAttempts } from '../../hooks/use-events.ts'

/**
 * A command that sends the same bytes to a handler of one's own. Without a signature: that needs the
 * destination's secret, which the hub does not give away.
 */
export function toCurl(event: Pick<EventWithAttempts, 'id'>, body: string): string {
  return [
    `curl -X POST "$URL"`,
    `  -H 'content-type: application/json'`,
    `  -H 'x-terra-trace-id: ${event.id}'`,
    `  --data-binary ${quote(body)}`,
  ].join(' \\\n')
}

/** As a POSIX shell takes it, whatever is in it. */
function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`
}
