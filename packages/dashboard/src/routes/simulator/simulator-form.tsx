import { Link } from 'wouter'
import { SelectField, TextArea, TextField } from '../../components/field.tsx'
import { FormCard } from '../../components/form-card.tsx'
import { DATA_TYPES, type DataType, useGenerate } from '../../hooks/use-generate.ts'
import { sampleOf } from './samples.ts'

/** An event as it is typed. */
export interface Draft {
  readonly type: DataType
  readonly userId: string
  /** JSON, or what shall become it. */
  readonly data: string
}

export function SimulatorForm({
  draft,
  onChange,
}: {
  readonly draft: Draft
  readonly onChange: (draft: Draft) => void
}) {
  const generate = useGenerate()
  const problem = problemOf(draft.data)
  const send = (): void => {
    if (problem !== null) return
    const data: unknown = JSON.parse(draft.data)
    generate.mutate({ type: draft.type, user_id: draft.userId.trim(), data })
  }
  return (
    <FormCard
      title="What happens"
      action="Send it"
      done="Sent"
      change={{ ...generate, error: generate.error ?? problem }}
      onSubmit={send}
    >
      <SelectField
        label="Type"
        value={draft.type}
        onChange={({ target }) => {
          const type = target.value as DataType
          onChange({ ...draft, type, data: sampleOf(type) })
        }}
      >
        {DATA_TYPES.map((each) => (
          <option key={each}>{each}</option>
        ))}
      </SelectField>
      <TextField
        label="user_id"
        required
        hint={
          <>
            Copy one from{' '}
            <Link className="underline" href="/users">
              the users
            </Link>
            .
          </>
        }
        value={draft.userId}
        onChange={(event) => onChange({ ...draft, userId: event.target.value })}
      />
      <TextArea
        label="Data (JSON)"
        rows={10}
        value={draft.data}
        onChange={(event) => onChange({ ...draft, data: event.target.value })}
      />
      {generate.data !== undefined && (
        <p role="status" className="text-sm">
          Announced:{' '}
          <Link
            className="text-accent underline underline-offset-2"
            href={`/history/${generate.data.event_id}`}
          >
            the event and its deliveries
          </Link>
        </p>
      )}
    </FormCard>
  )
}

function problemOf(text: string): Error | null {
  try {
    JSON.parse(text)
    return null
  } catch (error) {
    return new Error(`the data is not valid JSON: ${error instanceof Error ? error.message : ''}`)
  }
}
