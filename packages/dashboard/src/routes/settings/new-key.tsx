import { useState } from 'react'
import { DialogForm } from '../../components/dialog-form.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { SelectField, TextField } from '../../components/field.tsx'
import { SecretsMade } from '../../components/secret-once.tsx'
import { type ApiKey, useCreateKey, useRotateKey } from '../../hooks/use-settings.ts'

/** What a key may do, from little to everything. */
const KINDS = {
  app: { label: 'An app: connect people', scopes: ['connect'] },
  reader: { label: 'Reading: connect, and read everything', scopes: ['connect', 'read'] },
  writer: { label: 'Changing: connect, read and change', scopes: ['connect', 'read', 'write'] },
  operator: { label: 'Operator: everything, in every environment', scopes: ['operator'] },
} as const

export function NewKeyDialog({ onClose }: { readonly onClose: () => void }) {
  const [name, setName] = useState('')
  const [kind, setKind] = useState<keyof typeof KINDS>('app')
  const create = useCreateKey()
  if (create.data !== undefined) return <Made secret={create.data.api_key} onClose={onClose} />
  return (
    <Dialog title="New key" onClose={onClose}>
      <DialogForm
        action="Make the key"
        change={create}
        onSubmit={() => create.mutate({ name: name.trim(), scopes: [...KINDS[kind].scopes] })}
        onClose={onClose}
      >
        <TextField
          label="Name"
          hint="Who uses it, for example: back end, production."
          required
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <SelectField
          label="It may"
          value={kind}
          onChange={(event) => setKind(event.target.value as keyof typeof KINDS)}
        >
          {Object.entries(KINDS).map(([value, { label }]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </SelectField>
      </DialogForm>
    </Dialog>
  )
}

export function RotateKeyDialog({
  apiKey,
  onClose,
}: {
  readonly apiKey: ApiKey
  readonly onClose: () => void
}) {
  const rotate = useRotateKey()
  if (rotate.data !== undefined) return <Made secret={rotate.data.api_key} onClose={onClose} />
  return (
    <Dialog title={`Rotate “${apiKey.name}”`} onClose={onClose}>
      <DialogForm
        action="Rotate"
        change={rotate}
        onSubmit={() => rotate.mutate(apiKey.id)}
        onClose={onClose}
      >
        <p className="text-sm">
          A new key like this one is made; the present one (…{apiKey.hint}) works for another day.
        </p>
      </DialogForm>
    </Dialog>
  )
}

function Made({ secret, onClose }: { readonly secret: string; readonly onClose: () => void }) {
  return (
    <Dialog title="The new key" onClose={onClose}>
      <SecretsMade secrets={{ 'x-api-key': secret }} onClose={onClose} />
    </Dialog>
  )
}
