/** Answers a question with what the documentation says: found, quoted, never made up. */
import { toPlain } from './page.ts'
import { type Hit, type SearchIndex, toTerms } from './search.ts'
import type { Section } from './sections.ts'

export interface Answer {
  /** Null where the documentation does not say. */
  readonly text: string | null
  /** What the answer is from, the best first; without an answer, what comes nearest. */
  readonly sources: readonly Excerpt[]
}

export interface Excerpt {
  readonly section: Section
  /** The block of the section that says most about the question. */
  readonly quote: string
}

/** Share of the question's meaning that one section must have to answer it. */
const COVERAGE_MIN = 0.6
const SOURCES_MAX = 3
/** Blocks of the best section that make the answer. */
const BLOCKS_MAX = 3
/** Longest question that is read, in characters. */
export const QUESTION_LENGTH_MAX = 500

export function answer(index: SearchIndex, question: string): Answer {
  const hits = index.search(question.slice(0, QUESTION_LENGTH_MAX), 12)
  const terms = new Set(toTerms(question))
  const rank = ({ section, score, coverage }: Hit): number => {
    // A section that has all of the question beats one that repeats a part of it, and one that is
    // about it beats one that mentions it.
    const own = coverageOf(index, section.headings.at(-1) ?? section.page.title, terms)
    return score * (0.3 + coverage) * (1 + own)
  }
  const ranked = hits.toSorted((a, b) => rank(b) - rank(a)).slice(0, SOURCES_MAX)
  const sources = ranked.map(({ section }) => ({
    section,
    quote: bestBlocks(index, section, terms, 1).join('\n\n'),
  }))
  const [best] = ranked
  if (best === undefined || best.coverage < COVERAGE_MIN) return { text: null, sources }
  const text = bestBlocks(index, best.section, terms, BLOCKS_MAX).join('\n\n')
  return { text, sources }
}

/** The blocks that say most, in the order in which they stand. */
function bestBlocks(
  index: SearchIndex,
  section: Section,
  terms: ReadonlySet<string>,
  count: number,
): string[] {
  const blocks = toBlocks(section.markdown)
  const inHeading = terms.size > 0 && coverageOf(index, section.headings.at(-1) ?? '', terms) > 0.6
  const scored = blocks.map((block, position) => ({
    block,
    position,
    // Below a heading that is the question, the answer comes first.
    score:
      coverageOf(index, block, terms) + (inHeading ? 1 / (position + 1) : 0.05 / (position + 1)),
  }))
  return scored
    .toSorted((a, b) => b.score - a.score)
    .slice(0, count)
    .toSorted((a, b) => a.position - b.position)
    .map(({ block }) => block)
}

function coverageOf(index: SearchIndex, text: string, terms: ReadonlySet<string>): number {
  const present = new Set(toTerms(toPlain(text)))
  let covered = 0
  let total = 0
  for (const term of terms) {
    const weight = index.weightOf(term)
    total += weight
    if (present.has(term)) covered += weight
  }
  return total === 0 ? 0 : covered / total
}

/** Paragraphs, lists, tables and code, each whole. */
function toBlocks(markdown: string): string[] {
  const blocks: string[] = []
  let fence: string | undefined
  let isNew = true
  for (const line of markdown.split('\n')) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1]
    if (fence === undefined && line.trim() === '') {
      isNew = true
      continue
    }
    // What follows a colon belongs to it.
    const joins = isNew && blocks.at(-1)?.trimEnd().endsWith(':') === true
    if (isNew && !joins) blocks.push(line)
    else blocks[blocks.length - 1] = `${blocks.at(-1) ?? ''}\n${joins ? '\n' : ''}${line}`
    isNew = false
    if (mark !== undefined) fence = fence === undefined ? mark : undefined
  }
  return blocks
}
