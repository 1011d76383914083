import { SelectField } from '../../components/field.tsx'
import { TypedFilter } from '../../components/typed-filter.tsx'
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
