import { CheckField, SelectField, TextArea, TextField } from '../../components/field.tsx'
import { type HeaderDraft, HeaderFields, toHeaders } from './header-fields.tsx'
import { RetryFields, type Rhythm } from './retry-fields.tsx'

/** What can be set of a destination, as it is typed. */
export interface DestinationDraft {
  readonly url: string
  readonly types: string
  readonly timeoutMs: number
  readonly concurrency: number
  readonly wantsExtensions: boolean
  /** Null as the hub does by itself. */
  readonly rhythm: Rhythm | null
  readonly headers: HeaderDraft
}

const TIMEOUTS_MS = [3_000, 5_000, 8_000, 15_000, 30_000]

interface FieldsProps {
  readonly draft: DestinationDraft
  readonly onChange: (draft: DestinationDraft) => void
}

export function DestinationFields({
  draft,
  onChange,
  headerNames = [],
}: FieldsProps & {
  /** Of the headers that are set; their values are never shown. */
  readonly headerNames?: readonly string[]
}) {
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
        hint="For one that this version does not know, write unknown: before its name."
        value={draft.types}
        onChange={(event) => onChange({ ...draft, types: event.target.value })}
      />
      <Pace draft={draft} onChange={onChange} />
      <RetryFields rhythm={draft.rhythm} onChange={(rhythm) => onChange({ ...draft, rhythm })} />
      <HeaderFields
        present={headerNames}
        draft={draft.headers}
        onChange={(headers) => onChange({ ...draft, headers })}
      />
      <CheckField
        label="Firma’s own events too (connection_recovered, destination_failing, …)"
        isChecked={draft.wantsExtensions}
        onChange={(wantsExtensions) => onChange({ ...draft, wantsExtensions })}
      />
    </>
  )
}

/** How fast it is sent to. */
function Pace({ draft, onChange }: FieldsProps) {
  const timeouts = [...new Set([...TIMEOUTS_MS, draft.timeoutMs])].toSorted((a, b) => a - b)
  return (
    <div className="grid grid-cols-2 items-end gap-3">
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
        label="Deliveries at once, of data and of connections each"
        type="number"
        min={1}
        required
        value={draft.concurrency}
        onChange={(event) => onChange({ ...draft, concurrency: Number(event.target.value) })}
      />
    </div>
  )
}

/** @returns As the API takes it. */
export function toBody(draft: DestinationDraft) {
  const { url, types, timeoutMs, concurrency, wantsExtensions, rhythm } = draft
  const event_types = types.split(/[\s,]+/).filter((type) => type !== '')
  const headers = toHeaders(draft.headers)
  return {
    url: url.trim(),
    event_types: event_types.length === 0 ? null : event_types,
    timeout_ms: timeoutMs,
    concurrency,
    wants_extensions: wantsExtensions,
    retries: rhythm,
    ...(headers !== undefined && { headers }),
  }
}
