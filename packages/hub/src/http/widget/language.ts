/** Which language a page speaks: the person's choice, else the app's, else the browser's. */
import type { Context } from 'hono'
import { getCookie } from 'hono/cookie'
import { AR } from './messages/ar.ts'
import { DE } from './messages/de.ts'
import { EN, type Messages } from './messages/en.ts'
import { ES } from './messages/es.ts'
import { FR } from './messages/fr.ts'
import { IT } from './messages/it.ts'
import { JA } from './messages/ja.ts'
import { NL } from './messages/nl.ts'
import { PT } from './messages/pt.ts'
import { ZH } from './messages/zh.ts'

interface LanguageFacts {
  /** Its own name for itself. */
  readonly name: string
  readonly direction: 'ltr' | 'rtl'
  readonly messages: Messages
}

/** Every language that the pages speak, by its subtag (RFC 5646). */
export const LANGUAGES = {
  en: { name: 'English', direction: 'ltr', messages: EN },
  de: { name: 'Deutsch', direction: 'ltr', messages: DE },
  fr: { name: 'Français', direction: 'ltr', messages: FR },
  es: { name: 'Español', direction: 'ltr', messages: ES },
  pt: { name: 'Português', direction: 'ltr', messages: PT },
  it: { name: 'Italiano', direction: 'ltr', messages: IT },
  nl: { name: 'Nederlands', direction: 'ltr', messages: NL },
  ja: { name: '日本語', direction: 'ltr', messages: JA },
  zh: { name: '中文', direction: 'ltr', messages: ZH },
  ar: { name: 'العربية', direction: 'rtl', messages: AR },
} as const satisfies Record<string, LanguageFacts>

export type Language = keyof typeof LANGUAGES

/** Longest `Accept-Language` that is read, in characters; browsers send a tenth of it. */
const HEADER_LENGTH_MAX = 1_000

const CHOICE_COOKIE = 'firma-language'

/** `pt-BR`, `PT` and `pt_BR` are `pt`; undefined for a language that the pages do not speak. */
export function toLanguage(tag: string | null | undefined): Language | undefined {
  const subtag = tag?.trim().toLowerCase().split(/[-_]/)[0] ?? ''
  return Object.hasOwn(LANGUAGES, subtag) ? (subtag as Language) : undefined
}

/** The best of an `Accept-Language` header (RFC 9110, section 12.5.4). */
export function preferredLanguage(header: string): Language | undefined {
  const wishes = header
    .slice(0, HEADER_LENGTH_MAX)
    .split(',')
    .map((part) => {
      const [tag = '', ...parameters] = part.split(';')
      const weight = parameters.map((each) => /^\s*q=([\d.]+)\s*$/.exec(each)?.[1]).find(Boolean)
      return { language: toLanguage(tag), quality: weight === undefined ? 1 : Number(weight) }
    })
    .filter(({ quality }) => quality > 0)
    // Stable: of equal wishes the first one counts.
    .toSorted((one, other) => other.quality - one.quality)
  return wishes.find(({ language }) => language !== undefined)?.language
}

/**
 * @param wished What the app asked for when it made the link.
 * @returns The language, and the cookie that keeps a choice which was made just now.
 */
export function chooseLanguage(
  c: Context,
  wished: string | null,
): { language: Language; cookie: string | undefined } {
  const chosen = c.req.method === 'GET' ? toLanguage(c.req.query('language')) : undefined
  if (chosen !== undefined) {
    return {
      language: chosen,
      // Until the browser is closed: nothing about the person is kept beyond that.
      cookie: `${CHOICE_COOKIE}=${chosen}; Path=/; HttpOnly; SameSite=Lax`,
    }
  }
  const language =
    toLanguage(getCookie(c, CHOICE_COOKIE)) ??
    toLanguage(wished) ??
    preferredLanguage(c.req.header('accept-language') ?? '') ??
    'en'
  return { language, cookie: undefined }
}
