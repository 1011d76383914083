/** How an environment's pages look: its colour and logo, made safe and readable. */

/** What an operator can set; everything may be absent. */
export interface Brand {
  /** `#rrggbb`; null takes Firma's own green. */
  readonly accent: string | null
  /** An https URL, or a `data:` URL of an image. */
  readonly logo: string | null
  /** Why the app asks for data, in its own words; shown to the person who connects. */
  readonly purpose: string | null
}

export const NO_BRAND: Brand = { accent: null, logo: null, purpose: null }

/** Largest logo inside a page, in characters: pages stay under 60 KB. */
export const LOGO_LENGTH_MAX = 24_576
/** Longest purpose, in characters. */
export const PURPOSE_LENGTH_MAX = 500

/** Contrast that text needs (WCAG 2.2, success criterion 1.4.3). */
const CONTRAST_MIN = 4.5

type Rgb = readonly [red: number, green: number, blue: number]

/**
 * Checks a brand before it is stored.
 *
 * @returns What is wrong, as a sentence; null when it is fine.
 */
export function refuseBrand({ accent, logo, purpose }: Brand): string | null {
  if (accent !== null && !/^#[\da-f]{6}$/i.test(accent)) {
    return `the accent is a colour like #1f6b4a, not "${accent.slice(0, 40)}"`
  }
  if (logo !== null) {
    if (logo.length > LOGO_LENGTH_MAX) {
      return `the logo has ${logo.length} characters; at most ${LOGO_LENGTH_MAX} are allowed, so that the page stays quick: make it smaller, or give its https address`
    }
    if (logoSource(logo) === null) {
      return 'the logo is an https address without user name, or data:image/(png|jpeg|webp|gif|svg+xml);base64,…'
    }
  }
  if ((purpose?.length ?? 0) > PURPOSE_LENGTH_MAX) {
    return `the purpose has ${purpose?.length} characters; at most ${PURPOSE_LENGTH_MAX} are allowed`
  }
  return null
}

/**
 * What a page's policy must allow for a logo to be shown.
 *
 * @returns A source for `img-src`; null for what is no logo.
 */
export function logoSource(logo: string): string | null {
  if (/^data:image\/(?:png|jpeg|webp|gif|svg\+xml);base64,[\w+/=]+$/.test(logo)) return 'data:'
  // Quotes, spaces, semicolons and commas would end the source in the policy's text.
  if (!/^https:\/\/[^\s"'<>;,\\]+$/.test(logo) || !URL.canParse(logo)) return null
  const url = new URL(logo)
  return url.username === '' && url.password === '' ? url.origin : null
}

/** An accent as it can be used on a background: as text and border on it, and with text upon it. */
export interface UsableAccent {
  readonly color: string
  /** Colour of text on the accent. */
  readonly ink: string
}

/**
 * Moves a colour away from its background until it is readable there.
 *
 * @param accent `#rrggbb`.
 * @param backgrounds All that it stands on, `#rrggbb`.
 */
export function readableAccent(accent: string, backgrounds: readonly string[]): UsableAccent {
  const grounds = backgrounds.map(parse)
  const isDark = grounds.every((ground) => luminance(ground) < 0.2)
  const goal: Rgb = isDark ? [255, 255, 255] : [0, 0, 0]
  const start = parse(accent)
  for (let share = 0; share <= 100; share += 2) {
    // Rounded before it is judged: what is judged is what is written.
    const color = mix(start, goal, share / 100)
    const lowest = Math.min(...grounds.map((ground) => contrast(color, ground)))
    const ink = inkOn(color)
    if (lowest >= CONTRAST_MIN && contrast(color, parse(ink)) >= CONTRAST_MIN) {
      return { color: toHex(color), ink }
    }
  }
  return { color: toHex(goal), ink: inkOn(goal) }
}

/** How well two colours can be told apart: 1 to 21 (WCAG 2.2, contrast ratio). */
export function contrastOf(one: string, other: string): number {
  return contrast(parse(one), parse(other))
}

function inkOn(color: Rgb): string {
  return contrast(color, [255, 255, 255]) >= contrast(color, [0, 0, 0]) ? '#ffffff' : '#000000'
}

function parse(hex: string): Rgb {
  const part = (at: number): number => Number.parseInt(hex.slice(at, at + 2), 16)
  return [part(1), part(3), part(5)]
}

function toHex(color: Rgb): string {
  return `#${color.map((part) => part.toString(16).padStart(2, '0')).join('')}`
}

function mix(one: Rgb, other: Rgb, share: number): Rgb {
  const blend = (a: number, b: number): number => Math.round(a + (b - a) * share)
  return [blend(one[0], other[0]), blend(one[1], other[1]), blend(one[2], other[2])]
}

function luminance([red, green, blue]: Rgb): number {
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
}

function linear(part: number): number {
  const share = part / 255
  return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
}

function contrast(one: Rgb, other: Rgb): number {
  const [a, b] = [luminance(one), luminance(other)]
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)
}
