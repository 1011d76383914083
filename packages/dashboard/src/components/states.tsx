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
      <svg
        aria-hidden="true"
        className="mb-3 h-12 w-16 fill-none stroke-edge stroke-[1.5]"
        viewBox="0 0 64 48"
      >
        <rect x="14" y="4" width="36" height="12" rx="4" className="stroke-line" />
        <rect x="9" y="14" width="46" height="14" rx="5" className="fill-card stroke-line" />
        <rect x="4" y="25" width="56" height="18" rx="6" className="fill-card" />
        <path d="M12 34h14M31 34h7" strokeLinecap="round" />
        <circle cx="51" cy="34" r="3" className="fill-tint" />
      </svg>
      <p className="font-medium">{title}</p>
      <div className="mt-1 max-w-md text-sm text-soft">{children}</div>
    </div>
  )
}
