import { type ReactNode, useEffect, useRef } from 'react'

/** A modal dialog: the browser's own, which keeps the focus inside and closes with Escape. */
export function Dialog({
  title,
  onClose,
  children,
}: {
  readonly title: string
  readonly onClose: () => void
  readonly children: ReactNode
}) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    dialog.current?.showModal()
  }, [])
  return (
    <dialog
      ref={dialog}
      aria-label={title}
      onClose={onClose}
      className="max-h-[90dvh] w-[min(36rem,calc(100vw-2rem))] rounded-xl border border-line bg-card p-5 text-ink shadow-xl backdrop:bg-black/40"
    >
      <h2 className="mb-3 text-base font-semibold">{title}</h2>
      {children}
    </dialog>
  )
}
