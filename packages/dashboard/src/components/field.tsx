import { type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, useId } from 'react'

const BOX =
  'min-h-9 w-full rounded-lg border border-edge/70 bg-card px-2.5 py-1 text-sm text-ink placeholder:text-soft'

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
  className,
  children,
  ...rest
}: Labelled & SelectHTMLAttributes<HTMLSelectElement>) {
  const id = useId()
  return (
    <div className={className}>
      <label htmlFor={id} className="mb-1 block text-xs font-medium text-soft">
        {label}
      </label>
      <select id={id} {...rest} className={BOX}>
        {children}
      </select>
    </div>
  )
}
