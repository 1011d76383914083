import { useEffect, useMemo, useRef } from 'react'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { Card } from '../../components/page.tsx'
import { Empty } from '../../components/states.tsx'
import type { Stats } from '../../hooks/use-destinations.ts'
import { type Series, toSeries } from './event-series.ts'

const HEIGHT_PX = 240
/** Told apart also without colour: each line has its own dashes. */
const STROKES = [
  { light: '#1f6b4a', dark: '#6fcf9e', dash: [] },
  { light: '#1d5c8f', dark: '#7ab8ec', dash: [6, 3] },
  { light: '#8a5a00', dark: '#f0c060', dash: [2, 3] },
  { light: '#7a3d8f', dark: '#d29be5', dash: [8, 3, 2, 3] },
  { light: '#a3341f', dark: '#ff9b85', dash: [4, 4] },
  { light: '#56635b', dark: '#a5b1aa', dash: [1, 4] },
] as const

export function EventChart({ stats }: { readonly stats: Stats }) {
  const series = useMemo(() => toSeries(stats, Date.now()), [stats])
  return (
    <Card title="Events over time">
      {series.lines.length === 0 ? (
        <Empty title="No events in this time" />
      ) : (
        <div className="p-4">
          <Plot series={series} />
          <Summary series={series} />
        </div>
      )}
    </Card>
  )
}

function Plot({ series }: { readonly series: Series }) {
  const place = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const element = place.current
    if (element === null) return undefined
    const isDark = matchMedia('(prefers-color-scheme: dark)')
    let plot: UPlot | undefined
    const draw = (): void => {
      plot?.destroy()
      plot = new UPlot(
        toOptions(series, element.clientWidth, isDark.matches),
        toData(series),
        element,
      )
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
  }, [series])
  // The table below says the same in words.
  return <div ref={place} aria-hidden="true" className="min-h-60 w-full overflow-hidden" />
}

function toData({ times, lines }: Series): UPlot.AlignedData {
  return [times, ...lines.map(({ counts }) => counts)]
}

function toOptions({ lines }: Series, width: number, isDark: boolean): UPlot.Options {
  const line = isDark ? '#29312c' : '#e2e6e1'
  const axis = {
    stroke: isDark ? '#a5b1aa' : '#56635b',
    grid: { stroke: line, width: 1 },
    ticks: { stroke: line, width: 1 },
  }
  return {
    width,
    height: HEIGHT_PX,
    // In UTC, as all times of these pages.
    tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1_000), 'Etc/UTC'),
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_plot, _low, high) => [0, Math.max(1, high * 1.1)] } },
    axes: [
      { ...axis, values: (_plot, seconds) => seconds.map(toLabel), space: 70 },
      { ...axis, size: 44, values: (_plot, values) => values.map(toCount) },
    ],
    series: [
      {},
      ...lines.map((_line, index) => {
        const { light, dark, dash } = STROKES[index % STROKES.length] ?? STROKES[0]
        return { stroke: isDark ? dark : light, width: 2, dash: [...dash], points: { show: false } }
      }),
    ],
  }
}

/** The hour, and the day where one begins. */
function toLabel(seconds: number): string {
  const text = new Date(seconds * 1_000).toISOString()
  return text.endsWith('T00:00:00.000Z') ? text.slice(5, 10) : text.slice(11, 16)
}

function toCount(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en') : ''
}

/** The chart in words, and its legend. */
function Summary({ series: { lines } }: { readonly series: Series }) {
  return (
    <ul aria-label="Events per type" className="mt-3 flex flex-wrap gap-x-5 gap-y-1 text-sm">
      {lines.map(({ name, total }, index) => {
        const { light, dark, dash } = STROKES[index % STROKES.length] ?? STROKES[0]
        return (
          <li key={name} className="flex items-center gap-2">
            <svg aria-hidden="true" className="h-2 w-7" viewBox="0 0 28 4">
              <line
                x2="28"
                y1="2"
                y2="2"
                strokeWidth="2.5"
                strokeDasharray={dash.join(' ')}
                stroke={`light-dark(${light}, ${dark})`}
              />
            </svg>
            {name} <span className="text-soft tabular-nums">{total.toLocaleString('en')}</span>
          </li>
        )
      })}
    </ul>
  )
}
