import { type ReactNode, useEffect } from 'react'
import { Link } from 'wouter'

/** The frame of a page: its name, what it is for, what can be done, and the document about it. */
export function Page({
  title,
  about,
  doc,
  back,
  actions,
  children,
}: {
  readonly title: string
  readonly about: string
  /** The list that it belongs to. */
  readonly back?: { readonly href: string; readonly label: string }
  /** Path below /docs. */
  readonly doc: string
  readonly actions?: ReactNode
  readonly children: ReactNode
}) {
  useEffect(() => {
    document.title = `${title} – Firma`
  }, [title])
  return (
    <div className="mx-auto w-full max-w-7xl px-4 py-5 sm:px-6 lg:py-7">
      <header className="mb-5 flex flex-wrap items-start justify-between gap-3">
        <div className="min-w-0">
          {back !== undefined && (
            <Link
              className="mb-1 inline-block text-sm text-accent underline underline-offset-2"
              href={back.href}
            >
              <span aria-hidden="true">← </span>
              {back.label}
            </Link>
          )}
          <h1 className="text-xl font-semibold tracking-tight wrap-anywhere">{title}</h1>
          <p className="mt-0.5 max-w-2xl text-sm text-soft">
            {about}{' '}
            <a className="text-accent underline underline-offset-2" href={`/docs/${doc}`}>
              Read more<span className="sr-only"> about {title}</span>
            </a>
          </p>
        </div>
        {actions !== undefined && <div className="flex flex-wrap gap-2">{actions}</div>}
      </header>
      {children}
    </div>
  )
}

export function Card({
  title,
  actions,
  children,
  className,
}: {
  readonly title?: string
  readonly actions?: ReactNode
  readonly children: ReactNode
  readonly className?: string
}) {
  return (
    <section
      className={`min-w-0 rounded-xl border border-line bg-card shadow-xs ${className ?? ''}`}
      {...(title !== undefined && { 'aria-label': title })}
    >
      {title !== undefined && (
        <div className="flex flex-wrap items-center justify-between gap-2 border-b border-line px-4 py-1.5 min-h-12">
          <h2 className="text-sm font-semibold">{title}</h2>
          {actions}
        </div>
      )}
      {children}
    </section>
  )
}
