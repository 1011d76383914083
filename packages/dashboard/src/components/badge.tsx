const TONES = {
  good: 'text-good border-good/40 bg-good/10',
  warn: 'text-warn border-warn/40 bg-warn/10',
  bad: 'text-bad border-bad/40 bg-bad/10',
  neutral: 'text-soft border-line bg-tint',
} as const

export type Tone = keyof typeof TONES

export function Badge({ tone, children }: { readonly tone: Tone; readonly children: string }) {
  return (
    <span
      className={`inline-flex items-center whitespace-nowrap rounded-full border px-2 py-px text-xs font-medium ${TONES[tone]}`}
    >
      {children}
    </span>
  )
}

/** How a delivery's state is to be taken. */
export const DELIVERY_TONES: Readonly<Record<string, Tone>> = {
  delivered: 'good',
  pending: 'neutral',
  held: 'warn',
  failed: 'bad',
  suppressed: 'neutral',
}
