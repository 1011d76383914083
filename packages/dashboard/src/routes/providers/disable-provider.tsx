import { useState } from 'react'
import { Button } from '../../components/button.tsx'
import { Confirm } from '../../components/confirm.tsx'
import { type Provider, useDisableProvider } from '../../hooks/use-settings.ts'

export function DisableProvider({ provider }: { readonly provider: Provider }) {
  const [isAsking, setAsking] = useState(false)
  const disable = useDisableProvider(provider.provider)
  return (
    <>
      <Button look="danger" onClick={() => setAsking(true)}>
        Disable …
      </Button>
      {isAsking && (
        <Confirm
          title={`Disable ${provider.name}`}
          action="Disable"
          change={disable}
          onConfirm={() => disable.mutate(undefined, { onSuccess: () => setAsking(false) })}
          onClose={() => setAsking(false)}
        >
          <p>
            Its credentials are forgotten, and nobody can connect it any more. That works only while
            nobody is connected to it.
          </p>
        </Confirm>
      )}
    </>
  )
}
