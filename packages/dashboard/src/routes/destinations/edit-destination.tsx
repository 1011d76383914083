import { useState } from 'react'
import { DialogForm } from '../../components/dialog-form.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { type Destination, useChangeDestination } from '../../hooks/use-destinations.ts'
import { type DestinationDraft, DestinationFields, toBody } from './destination-fields.tsx'
import { NO_HEADERS } from './header-fields.tsx'

export function EditDestination({
  destination,
  onClose,
}: {
  readonly destination: Destination
  readonly onClose: () => void
}) {
  const { id, url, event_types, concurrency, retries, declared_settings } = destination
  const [draft, setDraft] = useState<DestinationDraft>({
    url,
    types: (event_types ?? []).join('\n'),
    timeoutMs: destination.timeout_ms,
    concurrency,
    wantsExtensions: destination.wants_extensions,
    rhythm: retries,
    headers: NO_HEADERS,
  })
  const change = useChangeDestination(id)
  return (
    <Dialog title="Change the destination" onClose={onClose}>
      <DialogForm
        action="Save"
        change={change}
        onSubmit={() => change.mutate(toBody(draft), { onSuccess: onClose })}
        onClose={onClose}
      >
        {declared_settings.length > 0 && (
          <p className="text-sm text-soft">
            The configuration file declares {declared_settings.join(', ')}: what is changed here
            holds until the hub starts again.
          </p>
        )}
        <DestinationFields
          draft={draft}
          onChange={setDraft}
          headerNames={destination.header_names}
        />
      </DialogForm>
    </Dialog>
  )
}
