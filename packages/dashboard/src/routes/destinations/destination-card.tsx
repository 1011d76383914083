import { useState } from 'react'
import { Badge } from '../../components/badge.tsx'
import { Button } from '../../components/button.tsx'
import { ChangeError } from '../../components/change-error.tsx'
import { Card } from '../../components/page.tsx'
import { Time } from '../../components/time.tsx'
import { toDuration, toPercent } from '../../format.ts'
import {
  type Destination,
  type Stats,
  useSwitchDestination,
  useTestDestination,
} from '../../hooks/use-destinations.ts'
import { DeleteDestination } from './delete-destination.tsx'
import { EditDestination } from './edit-destination.tsx'
import { USUAL_RHYTHM } from './retry-fields.tsx'
import { RotateSecret } from './rotate-secret.tsx'
import { TestAnswer } from './test-answer.tsx'

export function DestinationCard({
  destination,
  health,
}: {
  readonly destination: Destination
  readonly health: Stats['destinations'][number] | undefined
}) {
  const { url, status, disabled_reason, event_types, timeout_ms, concurrency } = destination
  const { wants_extensions, retries, header_names } = destination
  return (
    <Card>
      <div className="space-y-3 p-4">
        <div className="flex flex-wrap items-center gap-2">
          <Badge tone={status === 'enabled' ? 'good' : 'bad'}>{status}</Badge>
          {destination.declared && <Badge tone="neutral">in the configuration file</Badge>}
          <h2 className="min-w-0 flex-1 font-mono text-sm break-all">{url}</h2>
        </div>
        {disabled_reason !== null && <p className="text-sm text-bad">{disabled_reason}</p>}
        {health !== undefined && <Health health={health} isHeld={status === 'disabled'} />}
        <p className="text-sm text-soft">
          {event_types === null ? 'Every event' : event_types.join(', ')}
          {wants_extensions && ', and Firma’s own'} · answers within {timeout_ms / 1_000} s ·{' '}
          {concurrency} at once, and as many of connections · tried for{' '}
          {(retries ?? USUAL_RHYTHM).window_hours} h{retries !== null && ` in a rhythm of its own`}
          {header_names.length > 0 && ` · with ${header_names.join(', ')}`}
        </p>
        <Keys destination={destination} />
        <Actions destination={destination} />
      </div>
    </Card>
  )
}

function Health({
  health,
  isHeld,
}: {
  readonly health: Stats['destinations'][number]
  readonly isHeld: boolean
}) {
  const { delivered, failed, open, success_rate, lag_mean_ms, oldest_open_at } = health
  const { quiet_until, connections_quiet_until } = health
  const facts = {
    'Delivered, 24 h': delivered.toLocaleString('en'),
    'Failed, 24 h': failed.toLocaleString('en'),
    Success: success_rate === null ? '–' : toPercent(success_rate),
    Lag: lag_mean_ms === null ? '–' : toDuration(lag_mean_ms),
    [isHeld ? 'Held' : 'Waiting']: open.toLocaleString('en'),
  }
  return (
    <>
      <dl className="grid grid-cols-2 gap-3 sm:grid-cols-5">
        {Object.entries(facts).map(([name, value]) => (
          <div key={name}>
            <dt className="text-xs text-soft">{name}</dt>
            <dd className="text-lg font-semibold tabular-nums">{value}</dd>
          </div>
        ))}
      </dl>
      {oldest_open_at !== null && (
        <p className="text-sm text-warn">
          {isHeld ? 'Held' : 'Waiting'} since <Time at={oldest_open_at} />. Nothing is dropped; it
          is sent in order.
        </p>
      )}
      {quiet_until !== null && (
        <p className="text-sm text-warn">
          It asked to be sent {connections_quiet_until === null ? 'no data' : 'nothing'} until{' '}
          <Time at={quiet_until} />
          {connections_quiet_until === null && '; events of connections go on'}.
        </p>
      )}
    </>
  )
}

function Keys({ destination: { keys } }: { readonly destination: Destination }) {
  if (keys.length === 0) return null
  return (
    <ul className="text-xs text-soft">
      {keys.map(({ id, kind, public_key, expires_at }) => (
        <li key={id} className="break-all">
          {kind === 'hmac' ? 'An earlier secret signs too' : `Ed25519 ${public_key ?? ''}`}
          {expires_at !== null && (
            <>
              {' '}
              until <Time at={expires_at} />
            </>
          )}
        </li>
      ))}
    </ul>
  )
}

function Actions({ destination }: { readonly destination: Destination }) {
  const { id, status, url } = destination
  const [asking, setAsking] = useState<'edit' | 'rotate' | 'delete'>()
  const change = useSwitchDestination(id)
  const test = useTestDestination(id)
  const isOn = status === 'enabled'
  const close = (): void => setAsking(undefined)
  return (
    <>
      <div className="flex flex-wrap gap-2">
        <Button isBusy={test.isPending} onClick={() => test.mutate(undefined)}>
          Send a test
        </Button>
        <Button onClick={() => setAsking('edit')}>Change …</Button>
        <Button onClick={() => setAsking('rotate')}>New secret …</Button>
        <Button isBusy={change.isPending} onClick={() => change.mutate(!isOn)}>
          {isOn ? 'Disable' : 'Enable and send what was held'}
        </Button>
        <Button look="danger" onClick={() => setAsking('delete')}>
          Delete …
        </Button>
      </div>
      <ChangeError error={change.error ?? test.error} />
      {test.data !== undefined && <TestAnswer attempt={test.data} url={url} />}
      {asking === 'edit' && <EditDestination destination={destination} onClose={close} />}
      {asking === 'rotate' && <RotateSecret destination={destination} onClose={close} />}
      {asking === 'delete' && <DeleteDestination destination={destination} onClose={close} />}
    </>
  )
}
