/** Full-text search over sections: Okapi BM25 with headings that weigh more. */
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
  /** How telling a word is: the rarer, the more; 0 for one that is nowhere. */
  weightOf(term: string): number
}

/** Saturation of repeats and of length: the usual values. */
const K1 = 1.2
const B = 0.75
/** How often a word of a heading counts. */
const HEADING_WEIGHT = 3
const OWN_HEADING_WEIGHT = 5
/** A word that means the same counts less than the word itself. */
const SYNONYM_WEIGHT = 0.6

/** A word that is nowhere weighs this share of the rarest word that is somewhere. */
const UNKNOWN_SHARE = 0.75

const STOP_WORDS = new Set(
  `a an and any are as at be been but by can could do does did for from get gets had has have how i if in into is it its me my no not of on or our
  out so than that the their them then there they this to use was we what when where which while who whom whose why will with would you your please tell explain about
  should happen happens mean means need needs want work works way make makes same still some something anyone possible
  firma terra after again somebody without take see set`.split(/\s+/),
)

/** The words of a text as they are compared: lower case, without endings, parts of names too. */
export function toTerms(text: string): string[] {
  const words = text
    .toLowerCase()
    .replaceAll(/\bre-(?=[a-z])/g, 're')
    .match(/[\p{L}\p{N}_]+/gu)
  return (words ?? []).flatMap((word) => {
    const parts = word.includes('_') ? word.split('_').filter((part) => part !== '') : []
    return [word, ...parts].filter((each) => !STOP_WORDS.has(each)).map(toStem)
  })
}

const ENDING =
  /(?<=.{4})(?:ications?|ations?|ated|ates?|ating|ions?|ings?|ied|ies|ers?|ed|es|ly|e|s|y)$/

/** Cuts the usual English endings, so that `disconnected` finds `disconnecting`. */
function toStem(word: string): string {
  if (word.length < 4 || word.includes('_')) return word
  const singular = word.replace(/(?<=[^su])s$/, '')
  // Twice: `delivered` and `delivers` are one word only then.
  const stem = singular.replace(ENDING, '').replace(ENDING, '')
  return stem
}

/** Words that people use for each other, each line one meaning. */
const SYNONYMS = [
  'reauth reconnect reauthenticate reconnection',
  'disconnect deauth deauthenticate',
  'webhook destination endpoint',
  'environment dev_id',
  'mobile sdk apple samsung',
  'signature signed verify',
  'expired outdated stale',
  'duplicate twice',
  'order sequence',
  'postgres postgresql',
  'delete remove erase',
  'retry resend redeliver',
  'person people user',
  'browser webview',
  'limit cap maximum',
  'detect notice recognise',
  'bulk many mass',
  'upgrade update',
  'losing lose lost missed',
  'init initialise initialisation',
].map((line) => toTerms(line))

export function createSearchIndex(sections: readonly Section[]): SearchIndex {
  const documents = sections.map((section) => ({ section, counts: countTerms(section) }))
  const lengths = documents.map(({ counts }) => sum([...counts.values()]))
  const averageLength = sum(lengths) / Math.max(1, lengths.length)
  const frequency = new Map<string, number>()
  for (const { counts } of documents) {
    for (const term of counts.keys()) frequency.set(term, (frequency.get(term) ?? 0) + 1)
  }
  const weightOf = (term: string): number => {
    const found = frequency.get(term) ?? 0
    return found === 0 ? 0 : Math.log(1 + (documents.length - found + 0.5) / (found + 0.5))
  }
  /** Weight of a word that nobody has written: it must count against an answer. */
  const unknownWeight = UNKNOWN_SHARE * Math.log(1 + documents.length)
  return {
    weightOf,
    search: (query, limit) => {
      const wanted = new Set(toTerms(query))
      if (wanted.size === 0) return []
      const total = sum([...wanted].map((term) => weightOf(term) || unknownWeight))
      const hits = documents.map(({ section, counts }, index) => {
        const norm = K1 * (1 - B + (B * (lengths[index] ?? 0)) / averageLength)
        let score = 0
        let covered = 0
        for (const term of wanted) {
          const [found, share] = findTerm(counts, term)
          if (found === undefined) continue
          const count = counts.get(found) ?? 0
          score += share * weightOf(found) * ((count * (K1 + 1)) / (count + norm))
          covered += share * (weightOf(term) || unknownWeight)
        }
        return { section, score, coverage: covered / total }
      })
      return hits
        .filter(({ score }) => score > 0)
        .toSorted((a, b) => b.score - a.score)
        .slice(0, limit)
    },
  }
}

/** The term itself or one that means the same. */
function findTerm(counts: ReadonlyMap<string, number>, term: string): [string | undefined, number] {
  if (counts.has(term)) return [term, 1]
  const same = SYNONYMS.find((line) => line.includes(term))
  return [same?.find((each) => counts.has(each)), SYNONYM_WEIGHT]
}

function countTerms({ page, headings, markdown }: Section): Map<string, number> {
  const counts = new Map<string, number>()
  const add = (text: string, weight: number): void => {
    for (const term of toTerms(toPlain(text))) counts.set(term, (counts.get(term) ?? 0) + weight)
  }
  add(markdown, 1)
  add(headings.slice(0, -1).join(' '), HEADING_WEIGHT)
  add(headings.at(-1) ?? '', OWN_HEADING_WEIGHT)
  add(page.slug, 1)
  return counts
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0)
}
