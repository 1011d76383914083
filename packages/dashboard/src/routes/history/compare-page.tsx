import { prettify } from '../../components/json-view.tsx'
import { Card, Page } from '../../components/page.tsx'
import { Failure, Loading } from '../../components/states.tsx'
import { useEventBody } from '../../hooks/use-events.ts'
import { type DiffLine, diffLines } from './diff-lines.ts'

export function ComparePage({ one, other }: { readonly one: string; readonly other: string }) {
  const [left, right] = [useEventBody(one), useEventBody(other)]
  const error = left.error ?? right.error
  return (
    <Page
      title="Compare two bodies"
      about="What the second has that the first has not, and the other way round."
      doc="events"
      back={{ href: '/history', label: 'Payload history' }}
    >
      <Card>
        {error !== null && <Failure error={error} />}
        {error === null && (left.data === undefined || right.data === undefined) && <Loading />}
        {left.data !== undefined && right.data !== undefined && (
          <Diff lines={diffLines(prettify(left.data), prettify(right.data))} />
        )}
      </Card>
    </Page>
  )
}

const MARKS = {
  same: { sign: ' ', look: '', said: '' },
  removed: { sign: '−', look: 'bg-bad/10 text-bad', said: 'only in the first: ' },
  added: { sign: '+', look: 'bg-good/10 text-good', said: 'only in the second: ' },
} as const

function Diff({ lines }: { readonly lines: readonly DiffLine[] }) {
  return (
    <pre
      tabIndex={0}
      role="region"
      aria-label="Differences"
      className="overflow-x-auto p-4 font-mono text-[0.8125rem] leading-relaxed"
    >
      {lines.map(({ kind, text }, at) => (
        // Lines have no other name than their place.
        // oxlint-disable-next-line react/no-array-index-key
        <div key={at} className={MARKS[kind].look}>
          <span aria-hidden="true">{MARKS[kind].sign} </span>
          <span className="sr-only">{MARKS[kind].said}</span>
          {text}
        </div>
      ))}
    </pre>
  )
}
