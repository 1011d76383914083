/** How the pages reach the hub: the typed client, as the operator who is logged in. */
import { ApiError, createApiClient } from 'firma/client'

export { ApiError }

/** What every request carries: the chosen environment, and the proof that it comes from these pages. */
const context = { devId: '', csrfToken: '' }

export function setDevId(devId: string): void {
  context.devId = devId
}

export function setCsrfToken(csrfToken: string): void {
  context.csrfToken = csrfToken
}

export function apiHeaders(): Record<string, string> {
  return {
    ...(context.devId !== '' && { 'dev-id': context.devId }),
    ...(context.csrfToken !== '' && { 'x-csrf-token': context.csrfToken }),
  }
}

export const api = createApiClient({ baseUrl: '', headers: apiHeaders })

/** A sentence for the person in front of the page. */
export function toMessage(error: unknown): string {
  if (error instanceof Error) return error.message.charAt(0).toUpperCase() + error.message.slice(1)
  return String(error)
}
