import type { ReactNode, SubmitEvent } from 'react'
import { Button } from './button.tsx'
import { ChangeError } from './change-error.tsx'
import { Card } from './page.tsx'

/** A card with something to set. */
export function FormCard(props: {
  readonly title: string
  readonly change: {
    readonly isPending: boolean
    readonly isSuccess: boolean
    readonly error: unknown
  }
  readonly action?: string
  /** Said when it has worked. */
  readonly done?: string
  readonly onSubmit: () => void
  readonly children: ReactNode
}) {
  const { title, change, action = 'Save', done = 'Saved', onSubmit, children } = props
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    onSubmit()
  }
  return (
    <Card title={title}>
      <form onSubmit={submit} className="space-y-4 p-4">
        {children}
        <ChangeError error={change.error} />
        <div className="flex items-center gap-3">
          <Button type="submit" look="primary" isBusy={change.isPending}>
            {action}
          </Button>
          <span role="status" className="text-sm text-good">
            {change.isSuccess ? done : ''}
          </span>
        </div>
      </form>
    </Card>
  )
}
