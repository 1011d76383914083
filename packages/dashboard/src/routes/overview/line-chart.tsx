import { type ReactNode, useEffect, useRef } from 'react'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { Card } from '../../components/page.tsx'
import { Empty } from '../../components/states.tsx'
import { toCount } from '../../format.ts'
import type { Series } from './series.ts'

const HEIGHT_PX = 200
/** Told apart also without colour: each line has its own dashes. */
const STROKES = [
  { light: '#1f6b4a', dark: '#6fcf9e', dash: [] },
  { light: '#1d5c8f', dark: '#7ab8ec', dash: [6, 3] },
  { light: '#8a5a00', dark: '#f0c060', dash: [2, 3] },
  { light: '#7a3d8f', dark: '#d29be5', dash: [8, 3, 2, 3] },
  { light: '#a3341f', dark: '#ff9b85', dash: [4, 4] },
  { light: '#56635b', dark: '#a5b1aa', dash: [1, 4] },
] as const

export interface LineChartProps {
  readonly title: string
  readonly series: Series
  /** What the figure beside each name is, for those who do not see the chart. */
  readonly sumOf: string
  readonly format?: (value: number) => string
  /** Where the axis ends; default a little above the highest value. */
  readonly max?: number
  readonly empty: string
  /** Said below the chart. */
  readonly note?: string | undefined
  readonly actions?: ReactNode
}

/** Lines over time: as a picture, as a legend with figures, and as a table. */
export function LineChart(props: LineChartProps) {
  const { title, series, sumOf, format = toCount, max, empty, note, actions } = props
  return (
    <Card title={title} actions={actions}>
      {series.lines.length === 0 ? (
        <Empty title={empty} />
      ) : (
        <div className="p-4">
          <Plot series={series} format={format} max={max} />
          <Legend label={`${title}, ${sumOf}`} series={series} format={format} />
          {note !== undefined && <p className="mt-2 text-xs text-soft">{note}</p>}
          <Figures title={title} series={series} format={format} />
        </div>
      )}
    </Card>
  )
}

interface Drawn {
  readonly series: Series
  readonly format: (value: number) => string
}

interface Plotted extends Drawn {
  readonly max: number | undefined
}

function Plot({ series, format, max }: Plotted) {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const element = place.current
    if (element === null) return undefined
    const isDark = matchMedia('(prefers-color-scheme: dark)')
    let plot: UPlot | undefined
    const draw = (): void => {
      plot?.destroy()
      const options = toOptions({ series, format, max }, element.clientWidth, isDark.matches)
      plot = new UPlot(options, toData(series), element)
    }
    draw()
    const observer = new ResizeObserver(() => {
      plot?.setSize({ width: element.clientWidth, height: HEIGHT_PX })
    })
    observer.observe(element)
    isDark.addEventListener('change', draw)
    return () => {
      observer.disconnect()
      isDark.removeEventListener('change', draw)
      plot?.destroy()
    }
  }, [series, format, max])
  // Legend and table say the same in words.
  return <div ref={place} aria-hidden="true" className="min-h-50 w-full overflow-hidden" />
}

function toData({ times, lines }: Series): UPlot.AlignedData {
  return [[...times], ...lines.map(({ values }) => [...values])]
}

function toOptions(
  { series, format, max }: Plotted,
  width: number,
  isDark: boolean,
): UPlot.Options {
  const line = isDark ? '#29312c' : '#e2e6e1'
  const axis = {
    stroke: isDark ? '#a5b1aa' : '#56635b',
    grid: { stroke: line, width: 1 },
    ticks: { show: false },
  }
  return {
    width,
    height: HEIGHT_PX,
    // Room for half of the last label.
    padding: [8, 20, 0, 0],
    // In UTC, as all times of these pages.
    tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC'),
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_plot, _low, high) => [0, max ?? Math.max(1, high * 1.1)] } },
    axes: [
      {
        ...axis,
        size: 28,
        grid: { show: false },
        values: (_plot, seconds) => seconds.map(toLabel),
        space: 64,
      },
      {
        ...axis,
        size: 52,
        space: 36,
        values: (_plot, values) =>
          values.map((value) => (Number.isInteger(value) ? format(value) : '')),
      },
    ],
    series: [
      {},
      ...series.lines.map(({ values }, index) => {
        const { light, dark, dash } = strokeOf(index)
        return {
          stroke: isDark ? dark : light,
          width: 2,
          dash: [...dash],
          // One value between gaps would be no line at all.
          points: {
            show: values.some((value, at) => isAlone(values, value, at)),
            size: 6,
            fill: isDark ? dark : light,
          },
        }
      }),
    ],
  }
}

function isAlone(values: readonly (number | null)[], value: number | null, at: number): boolean {
  return value !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null
}

function strokeOf(index: number): (typeof STROKES)[number] {
  return STROKES[index % STROKES.length] ?? STROKES[0]
}

const DAY = new Intl.DateTimeFormat('en-GB', { day: '2-digit', month: 'short', timeZone: 'UTC' })

/** The hour, and the day where one begins. */
function toLabel(seconds: number): string {
  const date = new Date(seconds * 1_000)
  const text = date.toISOString()
  return text.endsWith('T00:00:00.000Z') ? DAY.format(date) : text.slice(11, 16)
}

/** The chart in words. */
function Legend({ label, series: { lines }, format }: Drawn & { readonly label: string }) {
  return (
    <ul aria-label={label} className="mt-3 flex flex-wrap gap-x-5 gap-y-1 text-sm">
      {lines.map(({ name, sum }, index) => {
        const { light, dark, dash } = strokeOf(index)
        return (
          <li key={name} className="flex min-w-0 items-center gap-2">
            <svg aria-hidden="true" className="h-2 w-7 shrink-0" viewBox="0 0 28 4">
              <line
                x2="28"
                y1="2"
                y2="2"
                strokeWidth="2.5"
                strokeDasharray={dash.join(' ')}
                stroke={`light-dark(${light}, ${dark})`}
              />
            </svg>
            <span className="min-w-0 break-all">{name}</span>{' '}
            <span className="shrink-0 text-soft tabular-nums">{format(sum)}</span>
          </li>
        )
      })}
    </ul>
  )
}

/** Every figure of the chart. */
function Figures({ title, series, format }: Drawn & { readonly title: string }) {
  const rows = series.times.map((time, at) => ({ time, at })).toReversed()
  return (
    <details className="mt-2 text-sm">
      <summary className="min-h-6 text-soft">As a table</summary>
      <div
        role="region"
        aria-label={`Table: ${title}`}
        tabIndex={0}
        className="mt-2 max-h-72 overflow-auto rounded-lg border border-line"
      >
        <table className="w-full text-xs tabular-nums">
          <thead className="sticky top-0 bg-card text-soft">
            <tr>
              <th scope="col" className="px-3 py-1.5 text-start font-medium">
                From (UTC)
              </th>
              {series.lines.map(({ name }) => (
                <th key={name} scope="col" className="px-3 py-1.5 text-end font-medium">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody className="divide-y divide-line">
            {rows.map(({ time, at }) => (
              <tr key={time}>
                <th scope="row" className="px-3 py-1 text-start font-normal whitespace-nowrap">
                  {new Date(time * 1_000).toISOString().slice(0, 16).replace('T', ' ')}
                </th>
                {series.lines.map(({ name, values }) => {
                  const value = values[at] ?? null
                  return (
                    <td key={name} className="px-3 py-1 text-end">
                      {value === null ? '–' : format(value)}
                    </td>
                  )
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  )
}
