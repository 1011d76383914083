import { useState } from 'react'
import { Link } from 'wouter'
import { SelectField } from '../../components/field.tsx'
import { Card, Page } from '../../components/page.tsx'
import { Empty, Failure, Loading } from '../../components/states.tsx'
import { type Range, type Stats, useStats } from '../../hooks/use-destinations.ts'
import { Attention } from './attention.tsx'
import { ConnectionBars } from './connection-bars.tsx'
import { toCount, toDuration, toPercent } from '../../format.ts'
import { ConnectionChart, DeliveryChart, EventChart, LagChart, SuccessChart } from './charts.tsx'

const RANGES: Readonly<Record<Range, string>> = {
  '24h': 'Last 24 hours',
  '7d': 'Last 7 days',
  '30d': 'Last 30 days',
}

export function OverviewPage() {
  const [range, setRange] = useState<Range>('24h')
  const { data, error, refetch } = useStats(range)
  return (
    <Page
      title="Overview"
      about="How connections and deliveries do, and what needs somebody."
      doc="connect-page#overview"
      actions={
        <SelectField
          label="Range"
          isInline
          value={range}
          onChange={(event) => setRange(event.target.value as Range)}
        >
          {Object.entries(RANGES).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </SelectField>
      }
    >
      {error !== null && <Failure error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null && <Loading />}
      {data !== undefined && (
        <div className="space-y-4">
          <Attention stats={data} />
          <Figures stats={data} />
          <div className="grid gap-4 lg:grid-cols-2">
            <EventChart stats={data} />
            <ConnectionChart stats={data} />
            <DeliveryChart stats={data} />
            <SuccessChart stats={data} />
            <LagChart stats={data} />
            <ConnectionBars stats={data} />
            <Deliveries stats={data} />
          </div>
        </div>
      )}
    </Page>
  )
}

function Figures({ stats }: { readonly stats: Stats }) {
  const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)
  const active = stats.connections.filter(({ state }) => state === 'active')
  const delivered = sum(stats.destinations.map((one) => one.delivered))
  const failed = sum(stats.destinations.map((one) => one.failed))
  const rate = delivered + failed === 0 ? '–' : toPercent(delivered / (delivered + failed))
  const figures = {
    'Live connections': sum(active.map(({ count }) => count)).toLocaleString('en'),
    Events: sum(stats.events.map(({ count }) => count)).toLocaleString('en'),
    'Delivered with success': rate,
    'Waiting to be delivered': sum(stats.destinations.map(({ open }) => open)).toLocaleString('en'),
  }
  return (
    <dl className="grid grid-cols-2 gap-4 lg:grid-cols-4">
      {Object.entries(figures).map(([name, value]) => (
        <div key={name} className="rounded-xl border border-line bg-card p-4 shadow-xs">
          <dt className="text-xs text-soft">{name}</dt>
          <dd className="mt-1 text-2xl font-semibold tracking-tight tabular-nums">{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** Those that wait for something first; all of them have a page of their own. */
const DESTINATIONS_MAX = 8

function Deliveries({ stats: { destinations } }: { readonly stats: Stats }) {
  const shown = destinations.toSorted((a, b) => b.open - a.open).slice(0, DESTINATIONS_MAX)
  const more = destinations.length - shown.length
  return (
    <Card
      title="Deliveries"
      className="lg:col-span-2"
      actions={
        <Link className="text-sm text-accent underline underline-offset-2" href="/destinations">
          {more === 0 ? 'Destinations' : `All ${toCount(destinations.length)} destinations`}
        </Link>
      }
    >
      {destinations.length === 0 && <Empty title="Events go nowhere yet">Add a destination.</Empty>}
      <ul className="divide-y divide-line">
        {shown.map(({ destination_id, url, success_rate, lag_mean_ms, open }) => (
          <li
            key={destination_id}
            className="flex flex-wrap items-baseline gap-x-4 gap-y-1 px-4 py-3 text-sm"
          >
            <span className="min-w-0 flex-1 basis-60 font-mono text-xs break-all">{url}</span>
            <span>{success_rate === null ? 'nothing sent' : toPercent(success_rate)}</span>
            <span className="text-soft">
              {lag_mean_ms === null ? '' : `${toDuration(lag_mean_ms)} after the event`}
            </span>
            {open > 0 && <span className="text-warn">{toCount(open)} waiting</span>}
          </li>
        ))}
      </ul>
    </Card>
  )
}
