import { CheckField, SelectField, TextArea, TextField } from '../../components/field.tsx'
import type { Destination } from '../../hooks/use-destinations.ts'

/** What can be set of a destination, as it is typed. */
export interface DestinationDraft {
  readonly url: string
  readonly types: string
  readonly timeoutMs: number
  readonly concurrency: number
  readonly wantsExtensions: boolean
  /** How long it is tried, in hours; null as the hub does by itself. */
  readonly windowHours: number | null
}

/** As the hub retries by itself: 30 s, doubling to 8 h. */
const RETRIES = { base_seconds: 30, cap_seconds: 28_800 }
const WINDOWS_HOURS = [24, 72, 168, 336]
const TIMEOUTS_MS = [3_000, 5_000, 8_000, 15_000, 30_000]

interface FieldsProps {
  readonly draft: DestinationDraft
  readonly onChange: (draft: DestinationDraft) => void
}

export function DestinationFields({ draft, onChange }: FieldsProps) {
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
      <Pace draft={draft} onChange={onChange} />
      <CheckField
        label="Firma’s own events too (connection_recovered)"
        isChecked={draft.wantsExtensions}
        onChange={(wantsExtensions) => onChange({ ...draft, wantsExtensions })}
      />
    </>
  )
}

/** How fast it is sent to, and for how long. */
function Pace({ draft, onChange }: FieldsProps) {
  const timeouts = [...new Set([...TIMEOUTS_MS, draft.timeoutMs])].toSorted((a, b) => a - b)
  const windows = [...new Set([...WINDOWS_HOURS, draft.windowHours ?? 72])].toSorted(
    (a, b) => a - b,
  )
  return (
    <div className="grid grid-cols-2 items-end gap-3 sm:grid-cols-3">
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
      <SelectField
        label="Is tried again for"
        value={draft.windowHours ?? ''}
        onChange={({ target }) =>
          onChange({ ...draft, windowHours: target.value === '' ? null : Number(target.value) })
        }
      >
        <option value="">as usual (72 h)</option>
        {windows.map((hours) => (
          <option key={hours} value={hours}>
            {hours % 24 === 0 ? `${hours / 24} days` : `${hours} h`}
          </option>
        ))}
      </SelectField>
    </div>
  )
}

/** @returns As the API takes it. */
export function toBody(draft: DestinationDraft, retries: Destination['retries'] = null) {
  const { url, types, timeoutMs, concurrency, wantsExtensions, windowHours } = draft
  const event_types = types.split(/[\s,]+/).filter((type) => type !== '')
  return {
    url: url.trim(),
    event_types: event_types.length === 0 ? null : event_types,
    timeout_ms: timeoutMs,
    concurrency,
    wants_extensions: wantsExtensions,
    // Whoever has set a rhythm of their own through the API keeps it.
    retries: windowHours === null ? null : { ...(retries ?? RETRIES), window_hours: windowHours },
  }
}
