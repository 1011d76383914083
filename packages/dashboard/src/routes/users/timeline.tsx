import { Link } from 'wouter'
import { Card } from '../../components/page.tsx'
import { Time } from '../../components/time.tsx'
import type { UserDetail } from '../../hooks/use-users.ts'

/** What each event says about a connection, in words. */
const WORDS: Readonly<Record<string, string>> = {
  auth: 'connected',
  auth_cancelled: 'an attempt came to nothing',
  user_reauth: 'reconnected: the user_id changed',
  deauth: 'disconnected',
  access_revoked: 'access taken away at the provider',
  connection_error: 'the provider refuses our calls',
  connection_recovered: 'the provider answers again',
  permission_change: 'permissions changed',
}

/** What happened to a connection, newest first, across all its ids; data that came for it is in the history. */
export function Timeline({ data: { timeline, user, aliases } }: { readonly data: UserDetail }) {
  const numbers = new Map(aliases.map(({ user_id }, index) => [user_id, index + 1]))
  return (
    <Card
      title="What happened"
      actions={
        user.lineage_id !== null && (
          <Link
            className="text-sm text-accent underline underline-offset-2"
            href={`/history?lineage_id=${user.lineage_id}`}
          >
            With its data, in the payload history
          </Link>
        )
      }
    >
      {timeline.length === 0 && <p className="p-4 text-sm text-soft">Nothing yet.</p>}
      <ol className="divide-y divide-line">
        {timeline.map(({ event_id, type, user_id, created_at }) => (
          <li key={event_id} className="flex flex-wrap items-baseline gap-x-3 px-4 py-2.5 text-sm">
            <Time at={created_at} />
            <Link
              className="font-medium underline decoration-line underline-offset-4 hover:decoration-accent"
              href={`/history/${event_id}`}
            >
              {type}
            </Link>
            <span className="text-soft">{WORDS[type] ?? ''}</span>
            {user_id !== null && user_id !== user.user_id && (
              <span className="text-xs text-soft">
                under earlier id {numbers.get(user_id) ?? user_id.slice(0, 8)}
              </span>
            )}
          </li>
        ))}
      </ol>
    </Card>
  )
}
