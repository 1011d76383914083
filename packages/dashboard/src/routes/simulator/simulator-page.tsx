import { useState } from 'react'
import { JsonView, prettify } from '../../components/json-view.tsx'
import { Card, Page } from '../../components/page.tsx'
import { useSearchFilter } from '../../hooks/use-search-filter.ts'
import { type Draft, SimulatorForm } from './simulator-form.tsx'
import { sampleOf } from './samples.ts'

const NAMES = ['user_id'] as const

/** Makes events without a watch. */
export function SimulatorPage() {
  const [{ user_id: userId = '' }] = useSearchFilter(NAMES)
  const [draft, setDraft] = useState<Draft>({
    type: 'activity',
    userId,
    data: sampleOf('activity'),
  })
  return (
    <Page
      title="Simulator"
      about="Announces data for a user, as if the provider had sent it: signed, ordered and delivered to every destination that wants it."
      doc="guides/events/data"
    >
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <SimulatorForm draft={draft} onChange={setDraft} />
        <div className="min-w-0 space-y-4">
          <Preview draft={draft} />
          <Stories />
        </div>
      </div>
    </Page>
  )
}

function Preview({ draft: { type, userId, data } }: { readonly draft: Draft }) {
  const user = `{"user_id": ${JSON.stringify(userId)}, "…": "…"}`
  const text = `{"type": ${JSON.stringify(type)}, "user": ${user}, "data": ${data}}`
  return (
    <Card title="Preview">
      <div className="p-4">
        <JsonView text={prettify(text)} label="Preview of the body" />
      </div>
    </Card>
  )
}

/** What only a person can set off: at the simulated providers, with the real flow. */
function Stories() {
  return (
    <Card title="Whole stories">
      <p className="p-4 text-sm text-soft">
        <code>npm start -- --script</code> plays connecting, refusing, reconnecting, revoking and
        disconnecting through the real flow; <code>firma trigger</code> sends any event, signed, to
        an app on your machine.
      </p>
    </Card>
  )
}
