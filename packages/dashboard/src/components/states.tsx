/** What a page shows while there is nothing to show. */
import type { ReactNode } from 'react'
import { toMessage } from '../api.ts'
import { Button } from './button.tsx'

/** Bars in place of rows; they say nothing to a screen reader, the status does. */
export function Loading({ rows = 6 }: { readonly rows?: number }) {
  return (
    <div role="status" className="space-y-2 p-4">
      <span className="sr-only">Loading …</span>
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="h-8 animate-pulse rounded-md bg-line/70" />
      ))}
    </div>
  )
}

export function Failure({
  error,
  onRetry,
}: {
  readonly error: unknown
  readonly onRetry?: () => void
}) {
  return (
    <div role="alert" className="m-4 rounded-lg border border-bad/50 bg-bad/5 p-4">
      <p className="font-medium text-bad">That did not work</p>
      <p className="mt-1 text-sm">{toMessage(error)}</p>
      {onRetry !== undefined && (
        <Button className="mt-3" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  )
}

export function Empty({
  title,
  children,
}: {
  readonly title: string
  readonly children?: ReactNode
}) {
  return (
    <div className="flex flex-col items-center px-4 py-14 text-center">
      <div
        aria-hidden="true"
        className="mb-3 grid size-10 place-items-center rounded-full border border-line bg-tint text-soft"
      >
        ∅
      </div>
      <p className="font-medium">{title}</p>
      <div className="mt-1 max-w-md text-sm text-soft">{children}</div>
    </div>
  )
}
