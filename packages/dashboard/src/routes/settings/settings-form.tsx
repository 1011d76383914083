import type { ReactNode } from 'react'
import { Button } from '../../components/button.tsx'
import { FormCard } from '../../components/form-card.tsx'
import type { DraftForm } from '../../hooks/use-draft.ts'

/** A card with settings, which says so where somebody else has changed them meanwhile. */
export function SettingsForm({
  title,
  form: { change, save, collision },
  children,
}: {
  readonly title: string
  readonly form: DraftForm
  readonly children: ReactNode
}) {
  return (
    <FormCard title={title} change={change} onSubmit={save}>
      {children}
      {collision !== undefined && (
        <div className="flex flex-wrap gap-2">
          <Button onClick={collision.takeTheirs}>Show what is there now</Button>
          <Button onClick={collision.keepMine}>Save mine all the same</Button>
        </div>
      )}
    </FormCard>
  )
}
