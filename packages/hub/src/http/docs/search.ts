/** Full-text search over sections: Okapi BM25 with headings that weigh more, spellings and words that mean the same. */
import { LIGHT_WORDS, SPELLINGS, STOP_WORDS, SYNONYMS } from './lexicon.ts'
import { toPlain } from './page.ts'
import type { Section } from './sections.ts'

export interface Hit {
  readonly section: Section
  readonly score: number
  /** Share of what the query means, by rarity of its words, that the section has; from 0 to 1. */
  readonly coverage: number
}

export interface SearchIndex {
  search(query: string, limit: number): Hit[]
  /** Share of what the query means that a text has, by the rarity of its words; from 0 to 1. */
  coverage(query: ReadonlySet<string>, text: string): number
}

/** Saturation of repeats and of length: the usual values. */
const K1 = 1.2
const B = 0.75
/** How often a word of a heading counts. */
const HEADING_WEIGHT = 2
const OWN_HEADING_WEIGHT = 5
/** A word that means the same counts less than the word itself. */
const SYNONYM_WEIGHT = 0.85
/** A word of circumstances weighs this share of what its rarity says. */
const LIGHT_SHARE = 0.2
/** A word that is nowhere weighs this share of the rarest word that is somewhere. */
const UNKNOWN_SHARE = 0.85
/** How much a heading counts that asks what is asked. */
const HEADING_MATCH = 4

/** What is written for those who ask comes before what is written for those who look something up. */
const PRIORS: readonly (readonly [page: RegExp, prior: number])[] = [
  [/^faq$/, 1.15],
  [/^guides\/|^quickstart|^migrating|^connect-/, 1.07],
  [/^(?:cli|providers|errors|configuration)$/, 0.92],
  [/^ARCHITECTURE$|^adding-a-provider$|^receiver-map$/, 0.8],
]

/** The words of a text as they are compared: lower case, without endings, parts of names too. */
export function toTerms(text: string): string[] {
  let plain = text
    .replaceAll(/(?<=[a-z])(?=[A-Z][a-z])/g, '\u2060')
    .toLowerCase()
    .replaceAll(/['’](?=[a-z])/g, '')
  for (const [pattern, word] of SPELLINGS) plain = plain.replaceAll(pattern, word)
  const words = plain.match(/[\p{L}\p{N}_\u2060]+/gu)
  return (words ?? []).flatMap((word) => {
    const whole = word.replaceAll('\u2060', '')
    const parts = /[_\u2060]/.test(word) ? word.split(/[_\u2060]/) : []
    return [whole, ...parts].filter((each) => each !== '' && !STOP_WORDS.has(each)).map(toStem)
  })
}

const ENDING =
  /(?<=.{4})(?:ications?|ations?|ated|ates?|ating|ions?|ings?|ied|ies|ers?|ed|es|ly|e|s|y)$/

/** Cuts the usual English endings, so that `disconnected` finds `disconnecting`. */
function toStem(word: string): string {
  // Without its ending the fruit would be an application.
  if (word.length < 4 || word.includes('_') || word === 'apple') return word
  const singular = word.replace(/(?<=[^su])s$/, '')
  // Twice: `delivered` and `delivers` are one word only then.
  const stem = singular.replace(ENDING, '').replace(ENDING, '')
  return stem
}

const SAME = toSame()
const LIGHT = new Set([...LIGHT_WORDS].map(toStem))

/** What else each term may be written as. */
function toSame(): ReadonlyMap<string, readonly string[]> {
  const same = new Map<string, Set<string>>()
  for (const line of SYNONYMS) {
    const terms = [...new Set(toTerms(line))]
    for (const term of terms) {
      const others = same.get(term) ?? new Set()
      for (const each of terms) if (each !== term) others.add(each)
      same.set(term, others)
    }
  }
  return new Map([...same].map(([term, others]) => [term, [...others]]))
}

interface Indexed {
  readonly section: Section
  readonly counts: ReadonlyMap<string, number>
  readonly length: number
  /** The words of the heading, and of each other way to ask. */
  readonly asked: readonly ReadonlySet<string>[]
  readonly prior: number
}

interface Query {
  readonly wanted: ReadonlySet<string>
  /** The same with what means the same. */
  readonly reach: ReadonlySet<string>
}

export function createSearchIndex(sections: readonly Section[]): SearchIndex {
  const documents = sections.map(toIndexed)
  const averageLength = sum(documents.map(({ length }) => length)) / Math.max(1, documents.length)
  const frequency = new Map<string, number>()
  for (const { counts } of documents) {
    for (const term of counts.keys()) frequency.set(term, (frequency.get(term) ?? 0) + 1)
  }
  const rarity = (term: string): number => {
    const found = frequency.get(term) ?? 0
    // A word that nobody has written must count against an answer.
    if (found === 0) return UNKNOWN_SHARE * Math.log(1 + documents.length)
    return Math.log(1 + (documents.length - found + 0.5) / (found + 0.5))
  }
  const weights = new Map<string, number>()
  /** A word that stands nowhere is as rare as the word that means the same. */
  const weigh = (term: string): number => {
    const same = SAME.get(term) ?? []
    const known = frequency.has(term) ? [term] : same.filter((each) => frequency.has(each))
    const weight = known.length === 0 ? rarity(term) : Math.min(...known.map(rarity))
    return weight * (LIGHT.has(term) ? LIGHT_SHARE : 1)
  }
  for (const { asked } of documents) {
    for (const term of asked.flatMap((words) => [...words])) weights.set(term, weigh(term))
  }
  // Words of questions are not kept: anybody may ask.
  const weightOf = (term: string): number => weights.get(term) ?? weigh(term)
  const share = (query: ReadonlySet<string>, has: (term: string) => boolean): number => {
    const total = sum([...query].map(weightOf))
    if (total === 0) return 0
    return sum([...query].map((term) => weightOf(term) * (find(term, has)?.share ?? 0))) / total
  }
  const toHit = (document: Indexed, { wanted, reach }: Query): Hit => {
    const { section, counts, length, asked, prior } = document
    const norm = K1 * (1 - B + (B * length) / averageLength)
    let score = 0
    for (const term of wanted) {
      const found = find(term, (each) => counts.has(each))
      const count = counts.get(found?.term ?? '') ?? 0
      score += (found?.share ?? 0) * weightOf(term) * ((count * (K1 + 1)) / (count + norm))
    }
    const coverage = share(wanted, (each) => counts.has(each))
    // How well the best of the headings asks what is asked: all of it, and nothing else.
    const touched = asked.filter((words) => [...words].some((word) => reach.has(word)))
    const matches = touched.map((words) => {
      const recall = share(wanted, (each) => words.has(each))
      const precision = share(words, (each) => wanted.has(each))
      return recall + precision === 0 ? 0 : (2 * recall * precision) / (recall + precision)
    })
    const match = Math.max(0, ...matches)
    return {
      section,
      coverage,
      score: score * prior * (0.2 + coverage ** 2) * (1 + HEADING_MATCH * match),
    }
  }
  return {
    coverage: (query, text) => {
      const present = new Set(toTerms(toPlain(text)))
      return share(query, (term) => present.has(term))
    },
    search: (query, limit) => {
      const wanted = new Set(toTerms(query))
      const reach = new Set([...wanted].flatMap((term) => [term, ...(SAME.get(term) ?? [])]))
      return documents
        .map((document) => toHit(document, { wanted, reach }))
        .filter(({ score }) => score > 0)
        .toSorted((a, b) => b.score - a.score)
        .slice(0, limit)
    },
  }
}

/** The term itself or one that means the same. */
function find(
  term: string,
  has: (term: string) => boolean,
): { readonly term: string; readonly share: number } | undefined {
  if (has(term)) return { term, share: 1 }
  const same = SAME.get(term)?.find(has)
  return same === undefined ? undefined : { term: same, share: SYNONYM_WEIGHT }
}

function toIndexed(section: Section): Indexed {
  const { page, headings, markdown, aliases } = section
  const counts = new Map<string, number>()
  const add = (text: string, weight: number): void => {
    for (const term of toTerms(toPlain(text))) counts.set(term, (counts.get(term) ?? 0) + weight)
  }
  const own = headings.at(-1) ?? page.title
  add(markdown, 1)
  add(headings.slice(0, -1).join(' '), HEADING_WEIGHT)
  add(own, OWN_HEADING_WEIGHT)
  add(page.slug, 1)
  // Each word once, however many of them have it.
  for (const term of new Set(aliases.flatMap((alias) => toTerms(alias)))) {
    counts.set(term, (counts.get(term) ?? 0) + HEADING_WEIGHT)
  }
  return {
    section,
    counts,
    length: sum([...counts.values()]),
    asked: [own, ...aliases].map((text) => new Set(toTerms(toPlain(text)))),
    prior: PRIORS.find(([pattern]) => pattern.test(page.slug))?.[1] ?? 1,
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
