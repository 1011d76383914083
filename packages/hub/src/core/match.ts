/**
 * Which earlier connection a new one continues. Terra's documents give three rules; each environment
 * chooses one.
 *
 * - `reference` (default): same provider and `reference_id`; without a `reference_id`, same account.
 * - `account_and_reference`: same provider account and same `reference_id`.
 * - `account`: same provider account, whatever the `reference_id`.
 *
 * The environment (`dev_id`) always has to be the same, and so does the provider: reconnecting Fitbit
 * never touches Garmin.
 */
export type MatchPolicy = 'reference' | 'account_and_reference' | 'account'

export interface MatchSubject {
  readonly provider: string
  readonly referenceId: string | null
  readonly providerAccountId: string
}

/**
 * The key that two connections of one environment share exactly when one continues the other.
 *
 * @returns A JSON array, so that no choice of ids can make two different subjects collide.
 */
export function matchKey(policy: MatchPolicy, subject: MatchSubject): string {
  const { provider, referenceId, providerAccountId } = subject
  switch (policy) {
    case 'reference':
      return referenceId === null
        ? JSON.stringify(['account', provider, providerAccountId])
        : JSON.stringify(['reference', provider, referenceId])
    case 'account_and_reference':
      return JSON.stringify(['account_and_reference', provider, providerAccountId, referenceId])
    case 'account':
      return JSON.stringify(['account', provider, providerAccountId])
  }
}
