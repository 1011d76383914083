import { useState } from 'react'
import { Button } from '../../components/button.tsx'
import { Confirm } from '../../components/confirm.tsx'
import { Card, Page } from '../../components/page.tsx'
import { Failure, Loading } from '../../components/states.tsx'
import { Time } from '../../components/time.tsx'
import { type UserDetail, useDisconnect, useUser } from '../../hooks/use-users.ts'
import { Explain } from './explain.tsx'
import { Timeline } from './timeline.tsx'
import { UserState, meaningOf } from './user-state.tsx'

/** One connection, found by any `user_id` that it ever had. */
export function UserPage({ userId }: { readonly userId: string }) {
  const { data, error, refetch } = useUser(userId)
  return (
    <Page
      title={data === undefined ? 'User' : (data.user.reference_id ?? data.user.provider)}
      about="One connection through all its reconnections: what it is called now, what it was called before, and what happened."
      doc="guides/events/user-reauth"
      back={{ href: '/users', label: 'Users' }}
      actions={data !== undefined && data.user.state !== 'deleted' && <Disconnect data={data} />}
    >
      {error !== null && <Failure error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null && <Loading />}
      {data !== undefined && (
        <>
          {data.user.user_id !== userId && (
            <p role="status" className="mb-4 rounded-lg border border-line bg-card p-3 text-sm">
              <span className="font-mono text-xs break-all">{userId}</span> is an earlier id of this
              connection.
            </p>
          )}
          <div className="grid items-start gap-4 lg:grid-cols-[1fr_1.4fr]">
            <div className="min-w-0 space-y-4">
              <About data={data} />
              <Explain userId={data.user.user_id} />
              <Aliases data={data} />
            </div>
            <Timeline data={data} />
          </div>
        </>
      )}
    </Page>
  )
}

function About({ data: { user } }: { readonly data: UserDetail }) {
  return (
    <Card title="Now">
      <dl className="grid grid-cols-[7rem_1fr] gap-x-3 gap-y-1.5 p-4 text-sm">
        <dt className="text-soft">State</dt>
        <dd>
          <UserState state={user.state} />
          <p className="mt-1 text-soft">{meaningOf(user.state)}</p>
          {user.degraded_at !== null && (
            <p className="text-soft">
              Since <Time at={user.degraded_at} />
            </p>
          )}
        </dd>
        <dt className="text-soft">Provider</dt>
        <dd>
          {user.provider}
          {user.account_label !== null && (
            <span className="block text-soft">
              account <bdi>{user.account_label}</bdi>
            </span>
          )}
        </dd>
        <dt className="text-soft">Connected</dt>
        <dd>
          <Time at={user.created_at} />
        </dd>
        <dt className="text-soft">Last data</dt>
        <dd>
          <Time at={user.last_webhook_update} />
        </dd>
        <dt className="text-soft">Permissions</dt>
        <dd className="font-mono text-xs leading-6 break-words">
          {user.scopes.length === 0 ? 'none' : user.scopes.join(', ')}
        </dd>
      </dl>
    </Card>
  )
}

function Aliases({ data: { aliases, user } }: { readonly data: UserDetail }) {
  return (
    <Card title="Every user_id that it had">
      <ol className="divide-y divide-line">
        {aliases.map(({ user_id, created_at, is_current }) => (
          <li key={user_id} className="px-4 py-2.5 text-sm">
            <span className="font-mono text-xs break-all">{user_id}</span>
            <span className="block text-xs text-soft">
              from <Time at={created_at} />
              {is_current && ' · current'}
            </span>
          </li>
        ))}
      </ol>
      <p
        className="border-t border-line px-4 py-2.5 text-xs text-soft"
        hidden={user.lineage_id === null}
      >
        Lineage <span className="font-mono break-all">{user.lineage_id}</span>, the same throughout.
      </p>
    </Card>
  )
}

function Disconnect({ data: { user } }: { readonly data: UserDetail }) {
  const [isAsking, setAsking] = useState(false)
  const disconnect = useDisconnect()
  return (
    <>
      <Button look="danger" onClick={() => setAsking(true)}>
        Disconnect …
      </Button>
      {isAsking && (
        <Confirm
          title="Disconnect this user"
          action="Disconnect"
          change={disconnect}
          onConfirm={() => disconnect.mutate(user.user_id, { onSuccess: () => setAsking(false) })}
          onClose={() => setAsking(false)}
        >
          <p>
            The app gets a <code>deauth</code> event, and the access is revoked at {user.provider}.
            Connecting again needs the person.
          </p>
        </Confirm>
      )}
    </>
  )
}
