import { Button } from '../../components/button.tsx'
import { CheckField, TextField } from '../../components/field.tsx'

/** The API's own bound. */
const HEADERS_MAX = 10

/** Headers as they are typed. What is set already is never shown, so it is kept, replaced as a whole, or removed. */
export interface HeaderDraft {
  readonly rows: readonly HeaderRow[]
  readonly isRemoval: boolean
}

interface HeaderRow {
  readonly key: number
  readonly name: string
  readonly value: string
}

export const NO_HEADERS: HeaderDraft = { rows: [], isRemoval: false }

export function HeaderFields({
  present,
  draft,
  onChange,
}: {
  /** Names of those that are set. */
  readonly present: readonly string[]
  readonly draft: HeaderDraft
  readonly onChange: (draft: HeaderDraft) => void
}) {
  const { rows, isRemoval } = draft
  const set = (key: number, change: Partial<HeaderRow>): void =>
    onChange({ ...draft, rows: rows.map((row) => (row.key === key ? { ...row, ...change } : row)) })
  const add = (): void => {
    const key = (rows.at(-1)?.key ?? 0) + 1
    onChange({ ...draft, rows: [...rows, { key, name: '', value: '' }] })
  }
  return (
    <fieldset className="min-w-0 space-y-3 rounded-lg border border-line p-3">
      <legend className="px-1 text-xs font-medium text-soft">Headers of your own</legend>
      <p className="text-sm text-soft wrap-anywhere">{describe(present, draft)}</p>
      {!isRemoval &&
        rows.map(({ key, name, value }, index) => (
          <div key={key} className="grid grid-cols-[1fr_1fr_auto] items-end gap-2">
            <TextField
              label={`Header ${index + 1}`}
              placeholder="authorization"
              required
              value={name}
              onChange={({ target }) => set(key, { name: target.value })}
            />
            <TextField
              label={`Its value ${index + 1}`}
              type="password"
              autoComplete="new-password"
              required
              value={value}
              onChange={({ target }) => set(key, { value: target.value })}
            />
            <Button
              look="quiet"
              aria-label={`Leave out header ${index + 1}`}
              onClick={() => onChange({ ...draft, rows: rows.filter((row) => row.key !== key) })}
            >
              ✕
            </Button>
          </div>
        ))}
      {!isRemoval && rows.length < HEADERS_MAX && (
        <Button onClick={add}>{rows.length === 0 ? 'Set a header' : 'Set another'}</Button>
      )}
      {present.length > 0 && rows.length === 0 && (
        <CheckField
          label="Send no headers of your own any more"
          isChecked={isRemoval}
          onChange={(isChecked) => onChange({ ...draft, isRemoval: isChecked })}
        />
      )}
    </fieldset>
  )
}

function describe(present: readonly string[], { rows, isRemoval }: HeaderDraft): string {
  const names = present.join(', ')
  if (isRemoval) return `${names} will be removed.`
  if (rows.length > 0 && present.length > 0) {
    return `These replace ${names}. Their values are not shown again.`
  }
  if (present.length > 0) return `Set: ${names}. Their values are kept, and never shown.`
  return 'Sent with each delivery, for example for a gateway. Their values are encrypted, and never shown again.'
}

/** @returns As the API takes it; undefined to leave them as they are. */
export function toHeaders({ rows, isRemoval }: HeaderDraft) {
  if (isRemoval) return null
  if (rows.length === 0) return undefined
  return Object.fromEntries(rows.map(({ name, value }) => [name.trim(), value.trim()]))
}
