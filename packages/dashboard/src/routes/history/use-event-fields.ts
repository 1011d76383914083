import type { FilterField } from '../../components/filter-form.tsx'
import { useDestinations } from '../../hooks/use-destinations.ts'
import { EVENT_FILTERS, OUTCOMES } from '../../hooks/use-events.ts'
import { useProviderNames } from '../../hooks/use-settings.ts'

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
  'destination_failing',
  'destination_disabled',
  'destination_recovered',
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

/** Everything that the API filters events by. */
export function useEventFields(): FilterField<(typeof EVENT_FILTERS)[number]>[] {
  const destinations = useDestinations().rows.map(({ id, url }) => ({ value: id, text: url }))
  const providers = useProviderNames()
  return [
    { name: 'type', label: 'Type', kind: 'choice', any: 'All types', options: TYPES },
    {
      name: 'provider',
      label: 'Provider',
      kind: 'choice',
      any: 'All providers',
      options: providers,
    },
    { name: 'reference_id', label: 'reference_id', kind: 'text' },
    { name: 'user_id', label: 'user_id', kind: 'text' },
    { name: 'lineage_id', label: 'Lineage', kind: 'text' },
    { name: 'outcome', label: 'Outcome', kind: 'choice', any: 'Any outcome', options: OUTCOMES },
    {
      name: 'destination_id',
      label: 'Destination',
      kind: 'choice',
      any: 'Any destination',
      options: destinations,
    },
    { name: 'since', label: 'Since (UTC)', kind: 'time' },
    { name: 'until', label: 'Until (UTC)', kind: 'time' },
  ]
}
