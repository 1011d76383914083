import { SelectField, TextArea, TextField } from '../../components/field.tsx'

/** What can be set of a destination, as it is typed. */
export interface DestinationDraft {
  readonly url: string
  readonly types: string
  readonly timeoutMs: number
  readonly concurrency: number
}

const TIMEOUTS_MS = [3_000, 5_000, 8_000, 15_000, 30_000]

export function DestinationFields({
  draft,
  onChange,
}: {
  readonly draft: DestinationDraft
  readonly onChange: (draft: DestinationDraft) => void
}) {
  const timeouts = [...new Set([...TIMEOUTS_MS, draft.timeoutMs])].toSorted((a, b) => a - b)
  return (
    <>
      <TextField
        label="URL"
        type="url"
        required
        placeholder="https://app.example/webhook"
        hint="Private addresses are refused unless the hub’s configuration allows their range."
        value={draft.url}
        onChange={(event) => onChange({ ...draft, url: event.target.value })}
      />
      <TextArea
        label="Only these event types, one a line; empty for all"
        placeholder={'auth\ndeauth\nuser_reauth'}
        value={draft.types}
        onChange={(event) => onChange({ ...draft, types: event.target.value })}
      />
      <div className="grid grid-cols-2 gap-3">
        <SelectField
          label="Has to answer within"
          value={draft.timeoutMs}
          onChange={(event) => onChange({ ...draft, timeoutMs: Number(event.target.value) })}
        >
          {timeouts.map((ms) => (
            <option key={ms} value={ms}>
              {ms / 1_000} s
            </option>
          ))}
        </SelectField>
        <TextField
          label="Deliveries at once"
          type="number"
          min={1}
          required
          value={draft.concurrency}
          onChange={(event) => onChange({ ...draft, concurrency: Number(event.target.value) })}
        />
      </div>
    </>
  )
}

/** @returns As the API takes it. */
export function toBody({ url, types, timeoutMs, concurrency }: DestinationDraft) {
  const event_types = types.split(/[\s,]+/).filter((type) => type !== '')
  return {
    url: url.trim(),
    event_types: event_types.length === 0 ? null : event_types,
    timeout_ms: timeoutMs,
    concurrency,
  }
}
