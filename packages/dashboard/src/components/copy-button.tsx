import { useState } from 'react'
import { Button } from './button.tsx'

/** Copies a text, and says so for a moment. */
export function CopyButton({
  text,
  label,
}: {
  readonly text: string | (() => Promise<string>)
  readonly label: string
}) {
  const [said, setSaid] = useState<string>()
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(typeof text === 'string' ? text : await text())
      setSaid('Copied')
    } catch {
      setSaid('Not copied: the browser does not allow it')
    }
    setTimeout(() => setSaid(undefined), 2_000)
  }
  return (
    <Button onClick={() => void copy()}>
      <span aria-live="polite">{said ?? label}</span>
    </Button>
  )
}
