/** Our own mark of a provider: its initial on a colour. Logos are their owners' and not ours to show. */
import { html } from 'hono/html'
import type { Html } from './layout.ts'

/** Colours `.m0` to `.m7` of the style. */
const COLORS = 8

export function providerMark(displayName: string): Html {
  let sum = 0
  for (const letter of displayName) sum += letter.codePointAt(0) ?? 0
  return html`<span class="mark m${sum % COLORS}" aria-hidden="true"
    >${initialsOf(displayName)}</span
  >`
}

/** `Google Health` → `GH`, `Oura` → `O`. */
function initialsOf(displayName: string): string {
  const initials = displayName.match(/(?<![\p{L}\p{M}'’])\p{L}/gu) ?? []
  return initials.slice(0, 2).join('').toUpperCase()
}
