import { useState } from 'react'
import { DialogForm } from '../../components/dialog-form.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { type Destination, useChangeDestination } from '../../hooks/use-destinations.ts'
import { DestinationFields, toBody } from './destination-fields.tsx'

export function EditDestination({
  destination,
  onClose,
}: {
  readonly destination: Destination
  readonly onClose: () => void
}) {
  const { id, url, event_types, concurrency, retries } = destination
  const [draft, setDraft] = useState({
    url,
    types: (event_types ?? []).join('\n'),
    timeoutMs: destination.timeout_ms,
    concurrency,
    wantsExtensions: destination.wants_extensions,
    windowHours: retries?.window_hours ?? null,
  })
  const change = useChangeDestination(id)
  return (
    <Dialog title="Change the destination" onClose={onClose}>
      <DialogForm
        action="Save"
        change={change}
        onSubmit={() => change.mutate(toBody(draft, retries), { onSuccess: onClose })}
        onClose={onClose}
      >
        <DestinationFields draft={draft} onChange={setDraft} />
      </DialogForm>
    </Dialog>
  )
}
