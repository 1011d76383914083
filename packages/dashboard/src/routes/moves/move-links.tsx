import { useState } from 'react'
import { Button } from '../../components/button.tsx'
import { ChangeError } from '../../components/change-error.tsx'
import { CopyButton } from '../../components/copy-button.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { DialogForm } from '../../components/dialog-form.tsx'
import { SelectField } from '../../components/field.tsx'
import { Card } from '../../components/page.tsx'
import { SecretsMade } from '../../components/secret-once.tsx'
import { toCount } from '../../format.ts'
import { type Move, type MoveLink, type MoveUser, useMoveLinks } from '../../hooks/use-moves.ts'

const DAYS = [1, 3, 7, 14, 30, 60]
/** The API's own default: mail is read late. */
const DAYS_USUAL = 14

function DaysField(props: { readonly days: number; readonly onChange: (days: number) => void }) {
  return (
    <SelectField
      label="Good for"
      value={props.days}
      onChange={({ target }) => props.onChange(Number(target.value))}
    >
      {DAYS.map((days) => (
        <option key={days} value={days}>
          {days === 1 ? '1 day' : `${days} days`}
        </option>
      ))}
    </SelectField>
  )
}

/** Links for everybody who has none, as a file for a mail program. They are seen this once. */
export function MoveLinks({ move: { id, status, kind } }: { readonly move: Move }) {
  const [days, setDays] = useState(DAYS_USUAL)
  const make = useMoveLinks(id)
  if (status !== 'running') return null
  return (
    <Card title="Links">
      <div className="space-y-3 p-4">
        <p className="max-w-2xl text-sm text-soft">
          {kind === 'exchange'
            ? 'Whoever could not be exchanged connects again, by a link of their own.'
            : 'Each person gets a link of their own. Nothing happens before they press the button there.'}{' '}
          Who has one that is still good keeps it. Links are shown this once; only a digest is kept.
        </p>
        <div className="flex flex-wrap items-end gap-2">
          <DaysField days={days} onChange={setDays} />
          <Button isBusy={make.isPending} onClick={() => make.mutate({ days })}>
            Make links for all who have none
          </Button>
        </div>
        <ChangeError error={make.error} />
        {make.data !== undefined && <Made links={make.data} />}
      </div>
    </Card>
  )
}

function Made({ links }: { readonly links: readonly MoveLink[] }) {
  const count = toCount(links.length)
  return (
    <div
      role="status"
      className="flex flex-wrap items-center gap-3 rounded-lg border border-accent/50 bg-tint p-3"
    >
      <p className="min-w-0 flex-1 basis-56 text-sm font-medium">
        {links.length === 0
          ? 'Everybody has a link already, or has moved.'
          : links.length === 1
            ? '1 link was made. It is shown now and never again.'
            : `${count} links were made. They are shown now and never again.`}
      </p>
      {links.length > 0 && (
        <>
          <CopyButton text={toCsv(links)} label="Copy as CSV" />
          <a
            className="inline-flex min-h-9 items-center rounded-lg border border-accent bg-accent px-3 py-1 text-sm font-medium text-accent-ink hover:brightness-110"
            href={`data:text/csv;charset=utf-8,${encodeURIComponent(toCsv(links))}`}
            download="links.csv"
          >
            Save links.csv
          </a>
        </>
      )}
    </div>
  )
}

function toCsv(links: readonly MoveLink[]): string {
  const rows = links.map((link) => [
    link.user_id,
    link.reference_id ?? '',
    link.url,
    link.expires_at,
  ])
  return [['user_id', 'reference_id', 'url', 'expires_at'], ...rows]
    .map((row) => `${row.map((field) => `"${field.replaceAll('"', '""')}"`).join(',')}\r\n`)
    .join('')
}

const NOBODY = new Error('this person has moved or left meanwhile, and needs no link')

/** A new link for one person; an earlier one is worthless from then on. */
export function PersonLink({
  moveId,
  user,
  onClose,
}: {
  readonly moveId: string
  readonly user: MoveUser
  readonly onClose: () => void
}) {
  const [days, setDays] = useState(1)
  const make = useMoveLinks(moveId)
  const name = user.reference_id ?? user.user_id
  const [link] = make.data ?? []
  if (link !== undefined) {
    return (
      <Dialog title="The link" onClose={onClose}>
        <SecretsMade secrets={{ [`For ${name}`]: link.url }} onClose={onClose} />
      </Dialog>
    )
  }
  return (
    <Dialog title="A link for one person" onClose={onClose}>
      <DialogForm
        action="Make it"
        change={{ ...make, error: make.data === undefined ? make.error : NOBODY }}
        onSubmit={() => make.mutate({ days, userId: user.user_id })}
        onClose={onClose}
      >
        <p className="text-sm wrap-anywhere">
          For <strong>{name}</strong> alone.{' '}
          {user.link_expires_at !== null && 'The link that there is does not work any more then.'}
        </p>
        <DaysField days={days} onChange={setDays} />
      </DialogForm>
    </Dialog>
  )
}
