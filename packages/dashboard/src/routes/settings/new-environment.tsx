import { useState } from 'react'
import { Button } from '../../components/button.tsx'
import { DialogForm } from '../../components/dialog-form.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { TextField } from '../../components/field.tsx'
import { SecretsMade } from '../../components/secret-once.tsx'
import { useCreateEnvironment } from '../../hooks/use-settings.ts'

export function NewEnvironment() {
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <Button onClick={() => setOpen(true)}>New environment …</Button>
      {isOpen && <NewEnvironmentDialog onClose={() => setOpen(false)} />}
    </>
  )
}

function NewEnvironmentDialog({ onClose }: { readonly onClose: () => void }) {
  const [devId, setDevId] = useState('')
  const [name, setName] = useState('')
  const create = useCreateEnvironment()
  if (create.data !== undefined) {
    const { api_key, redirect_secret } = create.data
    return (
      <Dialog title={`${name} is there`} onClose={onClose}>
        <SecretsMade
          secrets={{ 'x-api-key': api_key, 'Secret of firma_sig': redirect_secret }}
          onClose={onClose}
        />
      </Dialog>
    )
  }
  return (
    <Dialog title="New environment" onClose={onClose}>
      <DialogForm
        action="Create"
        change={create}
        onSubmit={() => create.mutate({ dev_id: devId.trim(), name: name.trim() })}
        onClose={onClose}
      >
        <TextField
          label="dev-id"
          hint="Lower-case letters, digits and hyphens; it cannot be changed later."
          placeholder="acme-testing"
          required
          value={devId}
          onChange={(event) => setDevId(event.target.value)}
        />
        <TextField
          label="Name"
          required
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
      </DialogForm>
    </Dialog>
  )
}
