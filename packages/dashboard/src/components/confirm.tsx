import type { ReactNode } from 'react'
import { toMessage } from '../api.ts'
import { Button } from './button.tsx'
import { Dialog } from './dialog.tsx'

/** Asks before something is done that cannot be undone. */
export function Confirm(props: {
  readonly title: string
  readonly action: string
  readonly change: { readonly isPending: boolean; readonly error: unknown }
  readonly onConfirm: () => void
  readonly onClose: () => void
  readonly children: ReactNode
}) {
  const { title, action, change, onConfirm, onClose, children } = props
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="space-y-3 text-sm">{children}</div>
      {change.error !== null && (
        <p role="alert" className="mt-3 text-sm text-bad">
          {toMessage(change.error)}
        </p>
      )}
      <div className="mt-5 flex justify-end gap-2">
        <Button onClick={onClose}>Keep as it is</Button>
        <Button look="danger" isBusy={change.isPending} onClick={onConfirm}>
          {action}
        </Button>
      </div>
    </Dialog>
  )
}
