import type { Schemas } from 'firma/client'
import { Time } from '../../components/time.tsx'

type Revocation = Schemas['Revocation']

const WORDS: Readonly<Record<Revocation['status'], string>> = {
  pending: 'is being given back',
  revoked: 'was given back',
  unsupported: 'cannot be given back by an app',
  not_needed: 'did not have to be given back',
  failed: 'could not be given back',
}

/** What became of the access at the provider after a connection has ended. */
export function Revocations({ revocations }: { readonly revocations: readonly Revocation[] }) {
  if (revocations.length === 0) return null
  return (
    <ul aria-label="Access at the provider" className="space-y-1 text-xs text-soft">
      {revocations.map((revocation) => (
        <li key={revocation.id} className={revocation.status === 'failed' ? 'text-bad' : undefined}>
          The access at {revocation.provider} {WORDS[revocation.status]}
          {revocation.ended_at !== null && (
            <>
              {' '}
              <Time at={revocation.ended_at} />
            </>
          )}
          {revocation.status === 'pending' && revocation.attempts > 0 && (
            <>
              , {revocation.attempts} tried, next <Time at={revocation.next_attempt_at} />
            </>
          )}
          {revocation.detail !== null && `: ${revocation.detail}`}
        </li>
      ))}
    </ul>
  )
}
