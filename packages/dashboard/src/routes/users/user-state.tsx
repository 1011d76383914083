import { Badge, type Tone } from '../../components/badge.tsx'
import type { AdminUser } from '../../hooks/use-users.ts'

const TONES: Readonly<Record<AdminUser['state'], Tone>> = {
  unconfirmed: 'warn',
  active: 'good',
  degraded: 'warn',
  inactive: 'bad',
  deleted: 'neutral',
}

const MEANINGS: Readonly<Record<AdminUser['state'], string>> = {
  unconfirmed: 'Logged in at the provider; the app has not confirmed yet who came back.',
  active: 'Connected, and the provider answers.',
  degraded: 'Connected, but the provider refuses our calls. The person may have to connect again.',
  inactive: 'The person took the access away at the provider.',
  deleted: 'Disconnected. Late data is still recognised by its former ids.',
}

export function UserState({ state }: Pick<AdminUser, 'state'>) {
  return <Badge tone={TONES[state]}>{state}</Badge>
}

export function meaningOf(state: AdminUser['state']): string {
  return MEANINGS[state]
}
