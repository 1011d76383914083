import { useMemo, useState } from 'react'
import { Badge } from '../../components/badge.tsx'
import { Button } from '../../components/button.tsx'
import { Confirm } from '../../components/confirm.tsx'
import type { Column } from '../../components/data-table.tsx'
import { Card } from '../../components/page.tsx'
import { PagedTable } from '../../components/paged-table.tsx'
import { Empty } from '../../components/states.tsx'
import { Time } from '../../components/time.tsx'
import { type ApiKey, useEndKey, useKeys } from '../../hooks/use-settings.ts'
import { NewKeyDialog, RotateKeyDialog } from './new-key.tsx'

interface Asking {
  readonly what: 'rotate' | 'end'
  readonly key: ApiKey
}

/** API keys: who may call, and what. */
export function Keys() {
  const keys = useKeys()
  const [isMaking, setMaking] = useState(false)
  const [asking, setAsking] = useState<Asking>()
  const columns = useMemo(() => [...COLUMNS, actionsColumn(setAsking)], [])
  const close = (): void => setAsking(undefined)
  return (
    <Card title="API keys" actions={<Button onClick={() => setMaking(true)}>New key …</Button>}>
      <PagedTable
        label="API keys"
        list={keys}
        columns={columns}
        keyOf={({ id }) => id}
        empty={<Empty title="No key can call this environment">Make one for your back end.</Empty>}
      />
      {isMaking && <NewKeyDialog onClose={() => setMaking(false)} />}
      {asking?.what === 'rotate' && <RotateKeyDialog apiKey={asking.key} onClose={close} />}
      {asking?.what === 'end' && <EndKey apiKey={asking.key} onClose={close} />}
    </Card>
  )
}

function EndKey({ apiKey, onClose }: { readonly apiKey: ApiKey; readonly onClose: () => void }) {
  const end = useEndKey()
  return (
    <Confirm
      title={`End the key “${apiKey.name}”`}
      action="End it now"
      change={end}
      onConfirm={() => end.mutate(apiKey.id, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>Whoever calls with it (…{apiKey.hint}) is refused from this moment on.</p>
    </Confirm>
  )
}

const COLUMNS: readonly Column<ApiKey>[] = [
  { name: 'Name', width: 'minmax(8rem, 1fr)', cell: ({ name }) => name },
  {
    name: 'Key',
    width: '5rem',
    cell: ({ hint }) => <span className="font-mono text-xs">…{hint}</span>,
  },
  { name: 'May', width: 'minmax(9rem, 1fr)', cell: ({ scopes }) => scopes.join(', ') },
  { name: 'State', width: '6rem', cell: (key) => <KeyState apiKey={key} /> },
  {
    name: 'Last used (UTC)',
    width: '9rem',
    cell: ({ last_used_at }) => <Time at={last_used_at} />,
  },
]

function KeyState({ apiKey: { revoked_at, expires_at } }: { readonly apiKey: ApiKey }) {
  if (revoked_at !== null) return <Badge tone="neutral">ended</Badge>
  if (expires_at === null) return <Badge tone="good">live</Badge>
  const hasExpired = new Date(expires_at).getTime() <= Date.now()
  return (
    <span title={`until ${expires_at}`}>
      <Badge tone={hasExpired ? 'neutral' : 'warn'}>{hasExpired ? 'expired' : 'ends'}</Badge>
    </span>
  )
}

function actionsColumn(ask: (asking: Asking) => void): Column<ApiKey> {
  const action = (key: ApiKey, what: Asking['what'], label: string) => (
    <Button look="quiet" aria-label={`${label} ${key.name}`} onClick={() => ask({ what, key })}>
      {label}
    </Button>
  )
  return {
    name: 'Actions',
    width: '10rem',
    cell: (key) =>
      key.revoked_at === null && (
        <span className="flex gap-1 lg:-ms-3">
          {action(key, 'rotate', 'Rotate')}
          {action(key, 'end', 'End')}
        </span>
      ),
  }
}
