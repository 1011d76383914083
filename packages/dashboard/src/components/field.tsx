import {
  type InputHTMLAttributes,
  type ReactNode,
  type SelectHTMLAttributes,
  type TextareaHTMLAttributes,
  useId,
} from 'react'

const LOOK =
  'w-full rounded-lg border border-edge/70 bg-card px-2.5 text-sm text-ink placeholder:text-soft'
const BOX = `${LOOK} min-h-9 py-1`

interface Labelled {
  readonly label: string
  /** Said below the field. */
  readonly hint?: ReactNode
}

export function TextField({
  label,
  hint,
  className,
  ...rest
}: Labelled & InputHTMLAttributes<HTMLInputElement>) {
  const id = useId()
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block text-xs font-medium text-soft">
        {label}
      </label>
      <input
        id={id}
        autoComplete="off"
        spellCheck={false}
        {...(hint !== undefined && { 'aria-describedby': `${id}-hint` })}
        {...rest}
        className={BOX}
      />
      {hint !== undefined && (
        <p id={`${id}-hint`} className="mt-1 text-xs text-soft">
          {hint}
        </p>
      )}
    </div>
  )
}

export function SelectField({
  label,
  hint,
  isInline = false,
  className,
  children,
  ...rest
}: Labelled & { readonly isInline?: boolean } & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId()
  return (
    <div className={`${isInline ? 'flex items-center gap-2' : ''} ${className ?? ''}`}>
      <label
        htmlFor={id}
        className={`text-xs font-medium text-soft ${isInline ? 'whitespace-nowrap' : 'mb-1 block'}`}
      >
        {label}
      </label>
      <select
        id={id}
        {...(hint !== undefined && { 'aria-describedby': `${id}-hint` })}
        {...rest}
        className={isInline ? `${LOOK} min-h-8` : BOX}
      >
        {children}
      </select>
      {hint !== undefined && (
        <p id={`${id}-hint`} className="mt-1 text-xs text-soft">
          {hint}
        </p>
      )}
    </div>
  )
}

export function CheckField({
  label,
  isChecked,
  onChange,
}: {
  readonly label: string
  readonly isChecked: boolean
  readonly onChange: (isChecked: boolean) => void
}) {
  return (
    <label className="flex min-h-6 items-center gap-2 text-sm">
      <input
        type="checkbox"
        className="size-6 shrink-0 accent-accent"
        checked={isChecked}
        onChange={(event) => onChange(event.target.checked)}
      />
      {label}
    </label>
  )
}

export function TextArea({
  label,
  ...rest
}: Labelled & TextareaHTMLAttributes<HTMLTextAreaElement>) {
  const id = useId()
  return (
    <div>
      <label htmlFor={id} className="mb-1 block text-xs font-medium text-soft">
        {label}
      </label>
      <textarea
        id={id}
        rows={3}
        spellCheck={false}
        {...rest}
        className="w-full rounded-lg border border-edge/70 bg-card p-2.5 font-mono text-xs placeholder:text-soft disabled:opacity-60"
      />
    </div>
  )
}
