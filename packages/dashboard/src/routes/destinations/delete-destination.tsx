import { Confirm } from '../../components/confirm.tsx'
import { type Destination, useDeleteDestination } from '../../hooks/use-destinations.ts'

export function DeleteDestination({
  destination,
  onClose,
}: {
  readonly destination: Destination
  readonly onClose: () => void
}) {
  const remove = useDeleteDestination(destination.id)
  return (
    <Confirm
      title="Delete the destination"
      action="Delete"
      change={remove}
      onConfirm={() => remove.mutate(undefined, { onSuccess: onClose })}
      onClose={onClose}
    >
      <p>
        Nothing more is sent to{' '}
        <span className="font-mono text-xs break-all">{destination.url}</span>, and what waits for
        it is given up. To keep it, disable the destination instead.
      </p>
      {destination.declared && (
        <p>The configuration file declares it: the hub adds it again at its next start.</p>
      )}
    </Confirm>
  )
}
