import { useState } from 'react'
import { DialogForm } from '../../components/dialog-form.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { SecretsMade } from '../../components/secret-once.tsx'
import { useCreateDestination } from '../../hooks/use-destinations.ts'
import { type DestinationDraft, DestinationFields, toBody } from './destination-fields.tsx'
import { NO_HEADERS } from './header-fields.tsx'

/** The API's own defaults. */
const EMPTY: DestinationDraft = {
  url: '',
  types: '',
  timeoutMs: 8_000,
  concurrency: 8,
  wantsExtensions: false,
  rhythm: null,
  headers: NO_HEADERS,
}

export function NewDestination({ onClose }: { readonly onClose: () => void }) {
  const [draft, setDraft] = useState(EMPTY)
  const create = useCreateDestination()
  if (create.data !== undefined) {
    return (
      <Dialog title="Its signing secret" onClose={onClose}>
        <SecretsMade secrets={{ 'Signing secret': create.data.secret }} onClose={onClose} />
      </Dialog>
    )
  }
  return (
    <Dialog title="New destination" onClose={onClose}>
      <DialogForm
        action="Add"
        change={create}
        onSubmit={() => create.mutate(toBody(draft))}
        onClose={onClose}
      >
        <DestinationFields draft={draft} onChange={setDraft} />
      </DialogForm>
    </Dialog>
  )
}
