import type { Schemas } from 'firma/client'
import { useState } from 'react'
import { Button } from '../../components/button.tsx'
import { ChangeError } from '../../components/change-error.tsx'
import { Confirm } from '../../components/confirm.tsx'
import { Card } from '../../components/page.tsx'
import { Time } from '../../components/time.tsx'
import { useChangeEnvironment } from '../../hooks/use-settings.ts'

/** Puts an environment away, and takes it back. */
export function Archive({ environment }: { readonly environment: Schemas['Environment'] }) {
  const [isAsking, setAsking] = useState(false)
  const change = useChangeEnvironment()
  const { archived_at: archivedAt, name } = environment
  return (
    <Card title="Archive">
      <div className="space-y-4 p-4">
        {archivedAt === null ? (
          <>
            <p className="text-sm text-soft">
              For an environment that is not used any more. Nothing is lost, and it can be restored.
            </p>
            <Button look="danger" onClick={() => setAsking(true)}>
              Archive this environment …
            </Button>
          </>
        ) : (
          <>
            <p className="text-sm text-soft">
              Archived <Time at={archivedAt} />: no key works, and nobody can connect.
            </p>
            <Button isBusy={change.isPending} onClick={() => change.mutate({ archived: false })}>
              Restore this environment
            </Button>
            <ChangeError error={change.error} />
          </>
        )}
      </div>
      {isAsking && (
        <Confirm
          title={`Archive ${name}`}
          action="Archive"
          change={change}
          onConfirm={() => change.mutate({ archived: true }, { onSuccess: () => setAsking(false) })}
          onClose={() => setAsking(false)}
        >
          <p>
            From this moment on no API key of it works, and no link to the connect page is made.
            What its destinations are owed is still delivered. Its users, events and settings stay,
            and an operator can restore it.
          </p>
        </Confirm>
      )}
    </Card>
  )
}
