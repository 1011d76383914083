/** A body with its syntax coloured. Text only: whatever a provider sends is shown, never run. */
import { useMemo } from 'react'

const TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

const COLORS = {
  key: 'text-accent',
  string: 'text-ink',
  literal: 'text-warn',
  number: 'text-warn',
} as const

interface Token {
  readonly at: number
  readonly text: string
  readonly kind: keyof typeof COLORS | undefined
}

/** @returns The text in pieces, in order and without loss. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  const push = (end: number, kind: Token['kind']): void => {
    if (end > at) tokens.push({ at, text: text.slice(at, end), kind })
    at = end
  }
  for (const match of text.matchAll(TOKEN)) {
    const [whole, string, colon, literal] = match
    push(match.index, undefined)
    const plain = literal === undefined ? 'number' : 'literal'
    const quoted = colon === undefined ? 'string' : 'key'
    push(match.index + (string ?? whole).length, string === undefined ? plain : quoted)
  }
  push(text.length, undefined)
  return tokens
}

/** Indented where it is JSON; as it is where it is not. */
export function prettify(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2)
  } catch {
    return text
  }
}

export function JsonView({ text, label }: { readonly text: string; readonly label: string }) {
  const tokens = useMemo(() => tokenize(text), [text])
  return (
    <pre
      // Scrolls, so it has to be reachable by keyboard.
      tabIndex={0}
      aria-label={label}
      role="region"
      className="max-h-[max(32rem,75dvh)] overflow-auto rounded-lg border border-line bg-paper p-3 font-mono text-[0.8125rem] leading-relaxed"
    >
      {tokens.map(({ at, text: part, kind }) =>
        kind === undefined ? (
          part
        ) : (
          <span key={at} className={COLORS[kind]}>
            {part}
          </span>
        ),
      )}
    </pre>
  )
}
