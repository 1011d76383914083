import type { ReactNode, SubmitEvent } from 'react'
import { Button } from './button.tsx'
import { ChangeError } from './change-error.tsx'

/** A form inside a dialog. */
export function DialogForm(props: {
  readonly action: string
  readonly change: { readonly isPending: boolean; readonly error: unknown }
  /** What is typed cannot be done. */
  readonly isDisabled?: boolean
  readonly onSubmit: () => void
  readonly onClose: () => void
  readonly children: ReactNode
}) {
  const { action, change, isDisabled = false, onSubmit, onClose, children } = props
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    onSubmit()
  }
  return (
    <form onSubmit={submit} className="space-y-4">
      {children}
      <ChangeError error={change.error} />
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" look="primary" isBusy={change.isPending} disabled={isDisabled}>
          {action}
        </Button>
      </div>
    </form>
  )
}
