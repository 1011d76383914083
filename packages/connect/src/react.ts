/** `<FirmaConnect>` for React 18 and newer. */
import { type ReactElement, type ReactNode, createElement, useEffect, useRef } from 'react'
import { type FirmaConnectElement, defineFirmaConnect } from './element.ts'
import type { ConnectResult } from './result.ts'

export interface FirmaConnectProps {
  /** Makes the link, through the app's back end. @returns The address of the widget session. */
  readonly createSession: () => Promise<string>
  /** `popup` (default) or `redirect`. */
  readonly mode?: 'popup' | 'redirect'
  /** Origin of the page that the hub sends the browser back to. Default: this page's own. */
  readonly returnOrigin?: string
  /** It came back connected. A hint: the signed event that the back end gets is the proof. */
  readonly onConnected?: (result: ConnectResult) => void
  /** The back end has to confirm it, with `confirmCode`. */
  readonly onUnconfirmed?: (result: ConnectResult) => void
  readonly onFailed?: (result: ConnectResult) => void
  /** The popup is gone, or out of sight; a result may still come. */
  readonly onClosed?: () => void
  /** No link could be made. */
  readonly onError?: (message: string) => void
  readonly className?: string
  readonly children?: ReactNode
}

/** The button as a component. */
export function FirmaConnect(props: FirmaConnectProps): ReactElement {
  const element = useRef<FirmaConnectElement>(null)
  const latest = useRef(props)
  useEffect(() => {
    latest.current = props
    if (element.current !== null) element.current.createSession = props.createSession
  })
  useEffect(() => {
    const target = element.current
    if (target === null) return undefined
    const listening = new AbortController()
    const { signal } = listening
    const add = target.addEventListener.bind(target)
    add('firma-connected', ({ detail }) => latest.current.onConnected?.(detail), { signal })
    add('firma-unconfirmed', ({ detail }) => latest.current.onUnconfirmed?.(detail), { signal })
    add('firma-failed', ({ detail }) => latest.current.onFailed?.(detail), { signal })
    add('firma-closed', () => latest.current.onClosed?.(), { signal })
    add('firma-error', ({ detail }) => latest.current.onError?.(detail.message), { signal })
    // Here and not at import: a server that renders the page has no elements.
    defineFirmaConnect()
    target.createSession = latest.current.createSession
    return () => listening.abort()
  }, [])
  const { mode, returnOrigin, className, children } = props
  return createElement(
    'firma-connect',
    {
      ref: element,
      class: className,
      mode,
      ...(returnOrigin !== undefined && { 'return-origin': returnOrigin }),
    },
    children,
  )
}
