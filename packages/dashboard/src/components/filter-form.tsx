import { useState } from 'react'
import { Button } from './button.tsx'
import { SelectField, TextField } from './field.tsx'
import { TypedFilter } from './typed-filter.tsx'

/** Something that a list can be filtered by. */
export type FilterField<Name extends string> = TypedField<Name> | ChoiceField<Name>

interface TypedField<Name extends string> {
  readonly name: Name
  readonly label: string
  readonly kind: 'text' | 'time'
}

interface ChoiceField<Name extends string> {
  readonly name: Name
  readonly label: string
  readonly kind: 'choice'
  /** Said where nothing is chosen. */
  readonly any: string
  readonly options: readonly (string | { readonly value: string; readonly text: string })[]
}

/** Rows that are full, as far as that can be. */
const COLUMNS: Readonly<Record<number, string>> = { 3: 'sm:grid-cols-3', 4: 'lg:grid-cols-4' }

type Values<Name extends string> = Partial<Record<Name, string>>

/** The filters of a list; on a phone they are behind a button, so that the list is in sight. */
export function FilterForm<Name extends string>(props: {
  readonly label: string
  readonly fields: readonly FilterField<Name>[]
  readonly filter: Values<Name>
  readonly onChange: (change: Values<Name>) => void
}) {
  const { label, fields, filter, onChange } = props
  const [isOpen, setOpen] = useState(false)
  const set = fields.filter(({ name }) => filter[name] !== undefined)
  const reset = (): void =>
    onChange(Object.fromEntries(set.map(({ name }) => [name, ''])) as Values<Name>)
  return (
    <form
      role="search"
      aria-label={label}
      className="mb-4"
      onSubmit={(event) => event.preventDefault()}
    >
      <div className="mb-2 flex gap-2 sm:hidden">
        <Button className="flex-1" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {set.length === 0 ? 'Filters' : `Filters (${set.length})`}
        </Button>
      </div>
      <div
        className={`${isOpen ? 'grid' : 'hidden'} grid-cols-2 gap-3 sm:grid ${COLUMNS[fields.length] ?? 'lg:grid-cols-5'}`}
      >
        {fields.map((field) => (
          <Field
            key={field.name}
            field={field}
            value={filter[field.name] ?? ''}
            onChange={(value) => onChange({ [field.name]: value } as Values<Name>)}
          />
        ))}
      </div>
      {set.length > 0 && (
        <p className="mt-2 text-sm">
          <button
            type="button"
            className="min-h-6 text-accent underline underline-offset-2"
            onClick={reset}
          >
            Remove the filters
          </button>
        </p>
      )}
    </form>
  )
}

interface FieldProps<Field> {
  readonly field: Field
  readonly value: string
  readonly onChange: (value: string) => void
}

function Field({ field, value, onChange }: FieldProps<FilterField<string>>) {
  if (field.kind === 'choice') return <Choice field={field} value={value} onChange={onChange} />
  if (field.kind === 'text') {
    return <TypedFilter label={field.label} value={value} onChange={onChange} />
  }
  return (
    <TextField
      label={field.label}
      type="datetime-local"
      value={value}
      onChange={(event) => onChange(event.target.value)}
    />
  )
}

function Choice({ field, value, onChange }: FieldProps<ChoiceField<string>>) {
  const options = field.options.map((option) =>
    typeof option === 'string' ? { value: option, text: option } : option,
  )
  // An address may hold what is not offered; it is shown, as it filters all the same.
  const isKnown = value === '' || options.some((option) => option.value === value)
  return (
    <SelectField
      label={field.label}
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      <option value="">{field.any}</option>
      {[...options, ...(isKnown ? [] : [{ value, text: value }])].map((option) => (
        <option key={option.value} value={option.value}>
          {option.text}
        </option>
      ))}
    </SelectField>
  )
}
