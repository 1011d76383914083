import { useMemo, useState } from 'react'
import { SelectField } from '../../components/field.tsx'
import { toDuration, toPercent } from '../../format.ts'
import type { Stats } from '../../hooks/use-destinations.ts'
import { LineChart } from './line-chart.tsx'
import {
  toConnectionSeries,
  toEventSeries,
  toLagSeries,
  toOutcomeSeries,
  toSuccessSeries,
} from './series.ts'

interface ChartProps {
  readonly stats: Stats
}

export function EventChart({ stats }: ChartProps) {
  const series = useMemo(() => toEventSeries(stats, Date.now()), [stats])
  return (
    <LineChart
      title="Events over time"
      series={series}
      sumOf="in all"
      empty="No events in this time"
      note={noteOf(stats.events_counted_until)}
    />
  )
}

export function ConnectionChart({ stats }: ChartProps) {
  const [by, setBy] = useState<'provider' | 'state'>('provider')
  const series = useMemo(() => toConnectionSeries(stats, by, Date.now()), [stats, by])
  return (
    <LineChart
      title="Connections over time"
      series={series}
      sumOf="now"
      empty="Nobody is connected"
      actions={
        <SelectField
          label="Lines by"
          isInline
          value={by}
          onChange={({ target }) => setBy(target.value === 'state' ? 'state' : 'provider')}
        >
          <option value="provider">provider</option>
          <option value="state">state</option>
        </SelectField>
      }
    />
  )
}

export function DeliveryChart({ stats }: ChartProps) {
  const series = useMemo(() => toOutcomeSeries(stats, Date.now()), [stats])
  return (
    <LineChart
      title="Deliveries over time"
      series={series}
      sumOf="in all"
      empty="Nothing was delivered in this time"
      note={noteOf(earliestOf(stats))}
    />
  )
}

export function SuccessChart({ stats }: ChartProps) {
  const series = useMemo(() => toSuccessSeries(stats, Date.now()), [stats])
  return (
    <LineChart
      title="Delivered with success"
      series={series}
      sumOf="in all"
      format={fromHundred}
      max={100}
      empty="Nothing was delivered in this time"
    />
  )
}

function fromHundred(percent: number): string {
  return toPercent(percent / 100)
}

export function LagChart({ stats }: ChartProps) {
  const series = useMemo(() => toLagSeries(stats, Date.now()), [stats])
  return (
    <LineChart
      title="From event to delivery"
      series={series}
      sumOf="on average"
      format={toDuration}
      empty="Nothing was delivered in this time"
    />
  )
}

/** Until when the figures of all destinations are whole; null where they are up to now. */
function earliestOf({ destinations }: Stats): string | null {
  const times = destinations.flatMap(({ counted_until }) => counted_until ?? [])
  return times.toSorted()[0] ?? null
}

function noteOf(until: string | null): string | undefined {
  if (until === null) return undefined
  return `Counted up to ${until.slice(0, 16).replace('T', ' ')} UTC; what is newer is on its way.`
}
