import { Link } from 'wouter'
import { SelectField, TextArea, TextField } from '../../components/field.tsx'
import { FormCard } from '../../components/form-card.tsx'
import { useDestinations } from '../../hooks/use-destinations.ts'
import { type ExampleName, useExamples, useGenerate } from '../../hooks/use-generate.ts'
import { useProviderNames } from '../../hooks/use-settings.ts'
import { type Draft, toBody } from './draft.ts'
import { sampleOf } from './samples.ts'

interface DraftProps {
  readonly draft: Draft
  readonly onChange: (draft: Draft) => void
}

export function SimulatorForm({ draft, onChange }: DraftProps) {
  const generate = useGenerate()
  const body = toBody(draft)
  const problem = body instanceof Error ? body : null
  const eventId = generate.data?.event_id ?? null
  return (
    <FormCard
      title="What happens"
      action="Send it"
      done="Sent"
      change={{ ...generate, error: generate.error ?? problem }}
      onSubmit={() => {
        if (!(body instanceof Error)) generate.mutate(body)
      }}
    >
      <ExampleField
        name={draft.example}
        onChange={(example) => onChange({ ...draft, example, data: sampleOf(example) })}
      />
      <About draft={draft} onChange={onChange} />
      {draft.data !== null && (
        <TextArea
          label="Data (JSON)"
          rows={10}
          value={draft.data}
          onChange={(event) => onChange({ ...draft, data: event.target.value })}
        />
      )}
      {eventId !== null && (
        <p role="status" className="text-sm">
          Announced:{' '}
          <Link className="text-accent underline underline-offset-2" href={`/history/${eventId}`}>
            the event and its deliveries
          </Link>
        </p>
      )}
    </FormCard>
  )
}

/** Where it goes, and whom it is about. */
function About({ draft, onChange }: DraftProps) {
  const destinations = useDestinations()
  const providers = useProviderNames()
  return (
    <>
      <SelectField
        label="Destination"
        value={draft.destinationId}
        onChange={({ target }) => onChange({ ...draft, destinationId: target.value })}
      >
        <option value="">all that want it</option>
        {destinations.rows.map(({ id, url }) => (
          <option key={id} value={id}>
            {url}
          </option>
        ))}
      </SelectField>
      <SelectField
        label="Provider"
        value={draft.provider}
        onChange={({ target }) => onChange({ ...draft, provider: target.value })}
      >
        <option value="">the example’s own</option>
        {providers.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </SelectField>
      <TextField
        label="user_id"
        hint="Any; an example's where it is left empty. Your app takes what it says for true."
        value={draft.userId}
        onChange={(event) => onChange({ ...draft, userId: event.target.value })}
      />
      <TextField
        label="reference_id"
        value={draft.referenceId}
        onChange={(event) => onChange({ ...draft, referenceId: event.target.value })}
      />
    </>
  )
}

function ExampleField({
  name,
  onChange,
}: {
  readonly name: ExampleName
  readonly onChange: (name: ExampleName) => void
}) {
  const examples = useExamples().data ?? [{ name, kind: 'event' as const }]
  const namesOf = (kind: 'event' | 'story') =>
    examples
      .filter((one) => one.kind === kind)
      .map((one) => <option key={one.name}>{one.name}</option>)
  return (
    <SelectField
      label="Event or story"
      value={name}
      onChange={({ target }) => onChange(target.value as ExampleName)}
    >
      <optgroup label="Events">{namesOf('event')}</optgroup>
      <optgroup label="Stories">{namesOf('story')}</optgroup>
    </SelectField>
  )
}
