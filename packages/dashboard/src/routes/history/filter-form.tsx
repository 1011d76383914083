import { SelectField, TextField } from '../../components/field.tsx'
import { TypedFilter } from '../../components/typed-filter.tsx'
import { useDestinations } from '../../hooks/use-destinations.ts'
import { type EventFilter, OUTCOMES } from '../../hooks/use-events.ts'

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
      <SelectField
        label="Outcome"
        value={filter.outcome ?? ''}
        onChange={(event) => onChange({ outcome: event.target.value })}
      >
        <option value="">Any outcome</option>
        {OUTCOMES.map((outcome) => (
          <option key={outcome}>{outcome}</option>
        ))}
      </SelectField>
      <DestinationFilter
        value={filter.destination_id}
        onChange={(value) => onChange({ destination_id: value })}
      />
      <TextField
        label="Since (UTC)"
        type="datetime-local"
        value={filter.since ?? ''}
        onChange={(event) => onChange({ since: event.target.value })}
      />
      <TextField
        label="Until (UTC)"
        type="datetime-local"
        value={filter.until ?? ''}
        onChange={(event) => onChange({ until: event.target.value })}
      />
    </form>
  )
}

function DestinationFilter({
  value = '',
  onChange,
}: {
  readonly value?: string | undefined
  readonly onChange: (value: string) => void
}) {
  const { rows } = useDestinations()
  return (
    <SelectField
      label="Destination"
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      <option value="">Any destination</option>
      {rows.map(({ id, url }) => (
        <option key={id} value={id}>
          {url}
        </option>
      ))}
    </SelectField>
  )
}
