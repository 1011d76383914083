const FILLS = {
  good: 'fill-good',
  warn: 'fill-warn',
  bad: 'fill-bad',
  accent: 'fill-accent',
  neutral: 'fill-edge',
} as const

export interface ProgressPart {
  readonly count: number
  readonly tone: keyof typeof FILLS
}

/** How much of a whole is in which state. The numbers beside it say the same. */
export function ProgressBar({
  parts,
  total,
}: {
  readonly parts: readonly ProgressPart[]
  readonly total: number
}) {
  let at = 0
  return (
    <svg
      aria-hidden="true"
      className="h-2 w-full overflow-hidden rounded-full"
      viewBox="0 0 100 2"
      preserveAspectRatio="none"
    >
      <rect width="100" height="2" className="fill-line" />
      {parts.map(({ count, tone }) => {
        const width = total === 0 ? 0 : (count / total) * 100
        const x = at
        at += width
        return <rect key={tone} x={x} width={width} height="2" className={FILLS[tone]} />
      })}
    </svg>
  )
}
