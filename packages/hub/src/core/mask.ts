/** Labels of accounts, as far as whoever owns one recognises it and nobody else learns it. */

/** Stands for what is not shown; always as long, so that its length says nothing. */
const HIDDEN = '•••'
/** Characters of the part behind the @ that are kept at most. */
const DOMAIN_LENGTH_MAX = 100

/**
 * Masks a label: `jane@example.com` becomes `j•••@example.com`, `Anna Schmidt` becomes `An•••`. Of a short one, less is
 * shown.
 *
 * @returns Null where nothing is left to show.
 */
export function maskLabel(label: string): string | null {
  const text = label.replaceAll(/\p{C}+/gu, ' ').trim()
  if (text === '') return null
  const at = text.lastIndexOf('@')
  const [name, domain] = at > 0 ? [text.slice(0, at), text.slice(at)] : [text, '']
  const isAddress = /^@[^\s@]+\.[^\s@]+$/.test(domain) && domain.length <= DOMAIN_LENGTH_MAX
  return isAddress ? beginning(name, 1) + HIDDEN + domain : beginning(text, 2) + HIDDEN
}

/** The first characters, and never more than a third of all. */
function beginning(text: string, count: number): string {
  const characters = Array.from(text)
  return characters.slice(0, Math.min(count, Math.floor(characters.length / 3))).join('')
}
