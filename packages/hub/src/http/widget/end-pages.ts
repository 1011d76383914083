/** The pages at the end of a flow for which the app gave no address, and of links that lead nowhere. */
import { html } from 'hono/html'
import type { DataKind } from '../../core/data-kind.ts'
import { type PageView, renderPage } from './layout.ts'
import type { Messages } from './messages/en.ts'

export async function connectedPage(view: PageView, providerName: string): Promise<Response> {
  const { ended } = view.messages
  return await renderPage(view, {
    title: ended.connected(providerName),
    step: 'done',
    body: html`<p class="state" aria-hidden="true">✓</p>
      <h1>${ended.connected(providerName)}</h1>
      <p>${ended.close}</p>`,
  })
}

export async function failedPage(
  view: PageView,
  failure: {
    readonly providerName: string
    readonly reason: string
    /** What has to be left on, where permissions were missing. */
    readonly requiredKinds: readonly DataKind[]
    /** Where another attempt begins; null when the link is used up. */
    readonly retryPath: string | null
  },
): Promise<Response> {
  const { ended, kinds } = view.messages
  const { providerName, reason, retryPath } = failure
  const advice = Object.hasOwn(ended.reasons, reason)
    ? ended.reasons[reason as keyof typeof ended.reasons]
    : ended.otherReason(reason)
  const requiredKinds = reason === 'missing_scopes' ? failure.requiredKinds : []
  return await renderPage(view, {
    title: ended.failed(providerName),
    step: retryPath === null ? 'done' : 'login',
    body: html`<p class="state bad" aria-hidden="true">✕</p>
      <h1>${ended.failed(providerName)}</h1>
      <p>${advice}</p>
      ${
        requiredKinds.length === 0
          ? ''
          : html`<p class="small">${ended.keepOn}</p>
              <ul class="chips">
                ${requiredKinds.map((kind) => html`<li>${kinds[kind]}</li>`)}
              </ul>`
      }
      ${
        retryPath === null
          ? ''
          : html`<form method="post" action="${retryPath}" data-leave>
              <p><button class="main">${ended.retry(providerName)}</button></p>
            </form>`
      }
      <p>${ended.nothingShared}</p>`,
  })
}

/** Links that lead nowhere; each has a page that says what happened and what to do. */
export type DeadEnd = keyof Messages['deadEnds']

const STATUS: Readonly<Record<DeadEnd, number>> = {
  unknown: 404,
  opened_elsewhere: 403,
  used: 410,
  expired: 410,
  state_unknown: 400,
  form_unreadable: 400,
  cancelled: 200,
  failed: 500,
}

export async function deadEndPage(view: PageView, deadEnd: DeadEnd): Promise<Response> {
  const { heading, text } = view.messages.deadEnds[deadEnd]
  return await renderPage(view, {
    status: STATUS[deadEnd],
    title: heading,
    body: html`<h1>${heading}</h1>
      <p>${text}</p>`,
  })
}

/** Shown while another request of the same browser exchanges the code. */
export async function waitingPage(view: PageView): Promise<Response> {
  const { heading, text, check } = view.messages.waiting
  return await renderPage(view, {
    title: heading,
    step: 'login',
    isWaiting: true,
    body: html`<div class="bar" aria-hidden="true" data-reload><i></i></div>
      <h1>${heading}</h1>
      <p role="status">${text}</p>
      <p><a class="button" href="">${check}</a></p>`,
  })
}
