import { SelectField, TextField } from '../../components/field.tsx'
import { toDuration } from '../../format.ts'
import type { Destination } from '../../hooks/use-destinations.ts'

export type Rhythm = NonNullable<Destination['retries']>

/** As the hub retries by itself. */
export const USUAL_RHYTHM: Rhythm = { base_seconds: 30, cap_seconds: 28_800, window_hours: 72 }

/** The API's own bounds. */
const BASE_SECONDS_MAX = 3_600
const CAP_SECONDS_MAX = 86_400
const WINDOW_HOURS_MAX = 720
/** Waits that are spelled out. */
const WAITS_SHOWN = 5

interface RetryProps {
  readonly rhythm: Rhythm | null
  readonly onChange: (rhythm: Rhythm | null) => void
}

/** When a delivery that has failed is tried again, and for how long. */
export function RetryFields({ rhythm, onChange }: RetryProps) {
  return (
    <div className="space-y-3">
      <SelectField
        label="What fails is tried again"
        hint={sayWaits(rhythm ?? USUAL_RHYTHM)}
        value={rhythm === null ? 'usual' : 'own'}
        onChange={({ target }) => onChange(target.value === 'own' ? USUAL_RHYTHM : null)}
      >
        <option value="usual">as usual</option>
        <option value="own">in a rhythm of its own</option>
      </SelectField>
      {rhythm !== null && (
        <div className="grid grid-cols-2 items-start gap-3 sm:grid-cols-3">
          <Whole
            label="First wait, seconds"
            max={BASE_SECONDS_MAX}
            value={rhythm.base_seconds}
            onChange={(base_seconds) => onChange({ ...rhythm, base_seconds })}
          />
          <Whole
            label="Longest wait, seconds"
            min={rhythm.base_seconds}
            max={CAP_SECONDS_MAX}
            value={rhythm.cap_seconds}
            onChange={(cap_seconds) => onChange({ ...rhythm, cap_seconds })}
          />
          <Whole
            label="Given up after, hours"
            max={WINDOW_HOURS_MAX}
            value={rhythm.window_hours}
            onChange={(window_hours) => onChange({ ...rhythm, window_hours })}
          />
        </div>
      )}
    </div>
  )
}

function Whole(props: {
  readonly label: string
  readonly min?: number
  readonly max: number
  readonly value: number
  readonly onChange: (value: number) => void
}) {
  const { label, min = 1, max, value, onChange } = props
  return (
    <TextField
      label={label}
      type="number"
      min={min}
      max={max}
      step={1}
      required
      value={value === 0 ? '' : value}
      onChange={({ target }) => onChange(Number(target.value))}
    />
  )
}

/** The waits in words: they double, and each is a random part of what is said. */
function sayWaits({ base_seconds, cap_seconds, window_hours }: Rhythm): string {
  const total = `for ${window_hours} h in all`
  const cap = toDuration(cap_seconds * 1_000)
  const waits = Array.from({ length: WAITS_SHOWN }, (_, index) => base_seconds * 2 ** index)
  const texts = waits.filter((wait) => wait < cap_seconds).map((wait) => toDuration(wait * 1_000))
  if (texts.length === 0) return `After up to ${cap} each time, ${total}.`
  const more = texts.length === WAITS_SHOWN ? ' …' : ''
  return `After up to ${texts.join(', ')}${more}, then ${cap} each time; ${total}.`
}
