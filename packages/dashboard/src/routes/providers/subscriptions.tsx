import type { Schemas } from 'firma/client'
import { Badge } from '../../components/badge.tsx'
import { Time } from '../../components/time.tsx'

const STATES = {
  pending: { tone: 'neutral', text: 'being made' },
  active: { tone: 'good', text: 'in force' },
  failing: { tone: 'bad', text: 'not in force' },
  removing: { tone: 'neutral', text: 'being removed' },
} as const

/** What the hub has subscribed to for the app. */
export function Subscriptions({ of }: { readonly of: NonNullable<Schemas['AppSubscriptions']> }) {
  const { status, wanted, active, ends_at, next_at, detail } = of
  const { tone, text } = STATES[status]
  return (
    <div>
      <p className="text-xs font-medium text-soft">Subscriptions to notices</p>
      <p className="mt-1 flex flex-wrap items-center gap-2">
        <Badge tone={tone}>{text}</Badge>
        {wanted > 0 && `${active} of ${wanted}`}
        {status === 'failing' && (
          <span className="text-soft">
            tried again <Time at={next_at} />
          </span>
        )}
        {status === 'active' && ends_at !== null && (
          <span className="text-soft">
            renewed before they end <Time at={ends_at} />
          </span>
        )}
      </p>
      {detail !== null && <p className="mt-1 text-warn">{detail}</p>}
    </div>
  )
}
