/** Labels of accounts, as far as whoever owns one recognises it and nobody else learns it. */

/** Stands for what is not shown; always as long, so that its length says nothing. */
const HIDDEN = '•••'
/** Ends of domains that are nobody's name. Countries' have two letters, and no others do. */
const COMMON_END = /^(?:[a-z]{2}|com|edu|gov|net|org)$/i

/**
 * Masks a label: `jane@example.com` becomes `j•••@e•••.com`, `Anna Schmidt` becomes `An•••`. Of a short one, less is
 * shown. What is behind the @ may name somebody as well: their own domain, or no domain at all.
 *
 * @returns Null where nothing is left to show.
 */
export function maskLabel(label: string): string | null {
  const text = label.replaceAll(/\p{C}+/gu, ' ').trim()
  if (text === '') return null
  const at = text.lastIndexOf('@')
  if (at <= 0) return beginning(text, 2) + HIDDEN
  return `${beginning(text.slice(0, at), 1)}${HIDDEN}@${maskDomain(text.slice(at + 1))}`
}

function maskDomain(domain: string): string {
  const dot = domain.lastIndexOf('.')
  const isCommon = dot >= 0 && COMMON_END.test(domain.slice(dot + 1))
  const [name, end] = isCommon ? [domain.slice(0, dot), domain.slice(dot)] : [domain, '']
  return beginning(name, 1) + HIDDEN + end
}

/** The first characters, and never more than a third of all. */
function beginning(text: string, count: number): string {
  const characters = Array.from(text)
  return characters.slice(0, Math.min(count, Math.floor(characters.length / 3))).join('')
}
