/** How wide text is on a terminal. */

/** Scripts and symbols that take two columns (Unicode Standard Annex 11, W and F). */
const WIDE =
  /[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1B000}-\u{1B2FF}\u{1F1E6}-\u{1F1FF}\u{1F300}-\u{1F64F}\u{1F680}-\u{1F6FF}\u{1F900}-\u{1FAFF}\u{20000}-\u{3FFFD}]/u
const CHARACTERS = new Intl.Segmenter(undefined, { granularity: 'grapheme' })

/** Columns that a text takes. */
export function widthOf(text: string): number {
  let width = 0
  for (const { segment } of CHARACTERS.segment(text)) width += WIDE.test(segment) ? 2 : 1
  return width
}

/** Fills a text with spaces up to a width. */
export function padTo(text: string, width: number, side: 'left' | 'right' = 'left'): string {
  const spaces = ' '.repeat(Math.max(0, width - widthOf(text)))
  return side === 'left' ? text + spaces : spaces + text
}

/** Cuts a text to a width, with an ellipsis where something is missing. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text
  let cut = ''
  let used = 0
  for (const { segment } of CHARACTERS.segment(text)) {
    used += widthOf(segment)
    if (used > width - 1) break
    cut += segment
  }
  return `${cut}…`
}

/** Makes control characters visible: what an app's users wrote must not steer the operator's terminal. */
export function toVisible(text: string): string {
  return text.replaceAll(
    // Bidirectional overrides reorder what follows on the line.
    /[\p{Cc}\u200E\u200F\u202A-\u202E\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
