import type { ReactNode } from 'react'
import { Button } from '../../components/button.tsx'
import { FormCard } from '../../components/form-card.tsx'
import type { DraftForm } from '../../hooks/use-draft.ts'

/**
 * A card with settings, which says so where somebody else has changed them meanwhile.
 *
 * @param declared Those that the hub's configuration file gives, as it sets them again at its next start.
 */
export function SettingsForm({
  title,
  form: { change, save, collision },
  declared = [],
  children,
}: {
  readonly title: string
  readonly form: DraftForm
  readonly declared?: readonly string[]
  readonly children: ReactNode
}) {
  return (
    <FormCard title={title} change={change} onSubmit={save}>
      {declared.length > 0 && (
        <p className="text-sm text-soft">
          The configuration file declares {declared.join(', ')}: what is changed here holds until
          the hub starts again.
        </p>
      )}
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
