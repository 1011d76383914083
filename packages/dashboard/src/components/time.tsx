const FULL = new Intl.DateTimeFormat('en-GB', {
  day: '2-digit',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
  timeZone: 'UTC',
})

/** A time of the API, in UTC as in every log; the whole of it on pointing at it. */
export function Time({ at }: { readonly at: string | null }) {
  if (at === null) return <span className="text-soft">–</span>
  return (
    <time dateTime={at} title={at} className="whitespace-nowrap tabular-nums">
      {FULL.format(new Date(at))}
    </time>
  )
}
