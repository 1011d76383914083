import { useState } from 'react'
import { DialogForm } from '../../components/dialog-form.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { SelectField } from '../../components/field.tsx'
import { SecretsMade } from '../../components/secret-once.tsx'
import { type Destination, useRotateSecret } from '../../hooks/use-destinations.ts'

export function RotateSecret({
  destination,
  onClose,
}: {
  readonly destination: Destination
  readonly onClose: () => void
}) {
  const [kind, setKind] = useState<'hmac' | 'ed25519'>('hmac')
  const rotate = useRotateSecret(destination.id)
  if (rotate.data !== undefined) {
    const { secret, public_key } = rotate.data
    return (
      <Dialog title="Signed with this from now on" onClose={onClose}>
        <SecretsMade
          secrets={{
            ...(secret !== undefined && { 'Signing secret': secret }),
            ...(public_key !== undefined && { 'Public key': public_key }),
          }}
          onClose={onClose}
        />
      </Dialog>
    )
  }
  return (
    <Dialog title="New signing secret" onClose={onClose}>
      <DialogForm
        action="Make it"
        change={rotate}
        onSubmit={() => rotate.mutate(kind)}
        onClose={onClose}
      >
        <p className="text-sm">
          The present secret signs for another day beside the new one, so that nothing is lost while
          you change it in your app.
        </p>
        <SelectField
          label="Kind"
          value={kind}
          onChange={(event) => setKind(event.target.value as typeof kind)}
        >
          <option value="hmac">Secret of both sides (HMAC)</option>
          <option value="ed25519">Key pair, yours is public (Ed25519)</option>
        </SelectField>
      </DialogForm>
    </Dialog>
  )
}
