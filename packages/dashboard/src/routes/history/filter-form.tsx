import { useEffect, useState } from 'react'
import { SelectField, TextField } from '../../components/field.tsx'
import type { EventFilter } from '../../hooks/use-events.ts'

/** Types that the hub announces by itself, and those that pass through it. */
const TYPES = [
  'auth',
  'auth_cancelled',
  'user_reauth',
  'deauth',
  'access_revoked',
  'connection_error',
  'connection_recovered',
  'permission_change',
  'activity',
  'athlete',
  'body',
  'daily',
  'hormone',
  'menstruation',
  'nutrition',
  'planned_workout',
  'sleep',
]
/** Waits until somebody has stopped typing, in milliseconds. */
const TYPING_MS = 250

export function FilterForm({
  filter,
  onChange,
}: {
  readonly filter: EventFilter
  readonly onChange: (change: EventFilter) => void
}) {
  return (
    <form
      role="search"
      aria-label="Filter events"
      className="mb-4 grid grid-cols-2 gap-3 lg:grid-cols-4"
      onSubmit={(event) => event.preventDefault()}
    >
      <SelectField
        label="Type"
        value={filter.type ?? ''}
        onChange={(event) => onChange({ type: event.target.value })}
      >
        <option value="">All types</option>
        {TYPES.map((type) => (
          <option key={type}>{type}</option>
        ))}
      </SelectField>
      <TypedFilter
        label="user_id"
        value={filter.user_id}
        onChange={(value) => onChange({ user_id: value })}
      />
      <TypedFilter
        label="reference_id"
        value={filter.reference_id}
        onChange={(value) => onChange({ reference_id: value })}
      />
      <TypedFilter
        label="Lineage"
        value={filter.lineage_id}
        onChange={(value) => onChange({ lineage_id: value })}
      />
    </form>
  )
}

function TypedFilter({
  label,
  value = '',
  onChange,
}: {
  readonly label: string
  readonly value?: string | undefined
  readonly onChange: (value: string) => void
}) {
  const [typed, setTyped] = useState(value)
  // The address may change without the field: by a link, or by going back.
  useEffect(() => setTyped(value), [value])
  useEffect(() => {
    if (typed.trim() === value) return undefined
    const timer = setTimeout(() => onChange(typed.trim()), TYPING_MS)
    return () => clearTimeout(timer)
  }, [typed, value, onChange])
  return (
    <TextField
      label={label}
      type="search"
      placeholder="Any"
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  )
}
