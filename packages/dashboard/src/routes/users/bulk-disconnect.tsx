import { useEffect } from 'react'
import { Button } from '../../components/button.tsx'
import { Confirm } from '../../components/confirm.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { type UserFilter, useBulkDisconnect } from '../../hooks/use-users.ts'

/** Says first who it would be, by a dry run; then does it, as a job. */
export function BulkDisconnect({
  filter,
  onClose,
}: {
  readonly filter: UserFilter
  readonly onClose: () => void
}) {
  const preview = useBulkDisconnect()
  const disconnect = useBulkDisconnect()
  const { mutate } = preview
  useEffect(() => mutate({ filter, isDryRun: true }), [filter, mutate])
  if (disconnect.data !== undefined) {
    return (
      <Dialog title="Under way" onClose={onClose}>
        <p className="text-sm">
          {disconnect.data.total} users are being disconnected, each with its own event. The list
          shows it as it happens.
        </p>
        <div className="mt-5 flex justify-end">
          <Button look="primary" onClick={onClose}>
            Close
          </Button>
        </div>
      </Dialog>
    )
  }
  const total = preview.data?.total
  const named = Object.entries(filter).map(([name, value]) => `${name} ${value}`)
  return (
    <Confirm
      title="Disconnect many users"
      action={total === undefined ? 'Counting …' : `Disconnect ${total}`}
      change={{
        isPending: disconnect.isPending || total === undefined,
        error: disconnect.error ?? preview.error,
      }}
      onConfirm={() => disconnect.mutate({ filter, isDryRun: false })}
      onClose={onClose}
    >
      <p>
        Everybody who matches{' '}
        {named.length === 0 ? 'no filter, that is all of them,' : named.join(' and ')} loses the
        connection: a <code>deauth</code> event each, and the access is revoked at the provider.
      </p>
      <ul className="rounded-lg border border-line p-3 font-mono text-xs leading-6">
        {preview.data?.sample.map(({ user_id, provider, reference_id }) => (
          <li key={user_id} className="truncate">
            {provider} {reference_id ?? '–'} {user_id}
          </li>
        ))}
        {total !== undefined && total > (preview.data?.sample.length ?? 0) && (
          <li>… {total} in all</li>
        )}
      </ul>
    </Confirm>
  )
}
