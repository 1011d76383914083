import { useState } from 'react'
import { ChangeError } from '../../components/change-error.tsx'
import { JsonView, prettify } from '../../components/json-view.tsx'
import { Card, Page } from '../../components/page.tsx'
import { Loading } from '../../components/states.tsx'
import { usePreview } from '../../hooks/use-generate.ts'
import { useSearchFilter } from '../../hooks/use-search-filter.ts'
import { type Draft, toBody } from './draft.ts'
import { SimulatorForm } from './simulator-form.tsx'
import { sampleOf } from './samples.ts'

const NAMES = ['user_id'] as const

/** Makes events without a watch. */
export function SimulatorPage() {
  const [{ user_id: userId = '' }] = useSearchFilter(NAMES)
  const [draft, setDraft] = useState<Draft>({
    example: 'activity',
    userId,
    referenceId: '',
    provider: '',
    destinationId: '',
    data: sampleOf('activity'),
  })
  return (
    <Page
      title="Simulator"
      about="Announces an example of any event, or a whole story: signed, ordered and delivered as if it had happened, and marked as generated in the history. No connection changes."
      doc="simulator"
    >
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <SimulatorForm draft={draft} onChange={setDraft} />
        <Preview draft={draft} />
      </div>
    </Page>
  )
}

function Preview({ draft }: { readonly draft: Draft }) {
  const body = toBody(draft)
  const preview = usePreview(body instanceof Error ? undefined : body)
  return (
    <Card
      title={`Preview${preview.data === undefined ? '' : `: ${eventsOf(preview.data.length)}`}`}
    >
      {preview.isPending && preview.error === null && <Loading />}
      <ol className="min-w-0 space-y-4 p-4">
        {preview.data?.map(({ type, body: text }, i) => (
          // Events of a preview have no ids, and are only ever replaced as a whole.
          // eslint-disable-next-line react/no-array-index-key
          <li key={i}>
            <JsonView text={prettify(text)} label={`Body ${i + 1}: ${type}`} />
          </li>
        ))}
      </ol>
      <ChangeError error={preview.error} />
    </Card>
  )
}

function eventsOf(count: number): string {
  return count === 1 ? '1 event' : `${count} events, in this order`
}
