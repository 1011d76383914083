import { useEffect, useState } from 'react'
import { TextField } from './field.tsx'

/** Waits until somebody has stopped typing, in milliseconds. */
const TYPING_MS = 250

/** A field whose value is looked for once it has been typed. */
export function TypedFilter({
  label,
  value = '',
  onChange,
}: {
  readonly label: string
  readonly value?: string | undefined
  readonly onChange: (value: string) => void
}) {
  const [typed, setTyped] = useState(value)
  // The address may change without the field: by a link, or by going back.
  useEffect(() => setTyped(value), [value])
  useEffect(() => {
    if (typed.trim() === value) return undefined
    const timer = setTimeout(() => onChange(typed.trim()), TYPING_MS)
    return () => clearTimeout(timer)
  }, [typed, value, onChange])
  return (
    <TextField
      label={label}
      type="search"
      placeholder="Any"
      value={typed}
      onChange={(event) => setTyped(event.target.value)}
    />
  )
}
