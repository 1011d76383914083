/** Answers a question with what the documentation says: found, quoted, never made up. */
import { type SearchIndex, toTerms } from './search.ts'
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
const COVERAGE_MIN = 0.57
const SOURCES_MAX = 3
/** Blocks of the best section that make the answer. */
const BLOCKS_MAX = 3
/** Rows of a table, and items of a list, that are quoted of a longer one. */
const LINES_MAX = 6
/** Longest question that is read, in characters. */
export const QUESTION_LENGTH_MAX = 500

export function answer(index: SearchIndex, question: string): Answer {
  const asked = question.slice(0, QUESTION_LENGTH_MAX)
  const terms = new Set(toTerms(asked))
  const hits = index.search(asked, SOURCES_MAX)
  const sources = hits.map(({ section }) => ({
    section,
    quote: bestBlocks(index, section, terms, 1).join('\n\n'),
  }))
  const [best] = hits
  if (best === undefined || best.coverage < COVERAGE_MIN) return { text: null, sources }
  return { text: bestBlocks(index, best.section, terms, BLOCKS_MAX).join('\n\n'), sources }
}

/** The blocks that say most, in the order in which they stand. */
function bestBlocks(
  index: SearchIndex,
  section: Section,
  terms: ReadonlySet<string>,
  count: number,
): string[] {
  const blocks = toBlocks(section.markdown)
  const inHeading = Math.max(
    ...[section.headings.at(-1) ?? '', ...section.aliases].map((text) =>
      index.coverage(terms, text),
    ),
  )
  const scored = blocks.map((block, position) => ({
    block,
    position,
    // Below a heading that is the question, the answer comes first.
    score: index.coverage(terms, block) + (inHeading > 0.6 ? 1 : 0.05) / (position + 1),
  }))
  return scored
    .toSorted((a, b) => b.score - a.score)
    .slice(0, count)
    .toSorted((a, b) => a.position - b.position)
    .map(({ block }) => shorten(index, block, terms))
}

/** Of a long table or list what says most about the question; the head stays. */
function shorten(index: SearchIndex, block: string, terms: ReadonlySet<string>): string {
  const lines = block.split('\n')
  const isRow = lines.at(-1)?.startsWith('|') === true
  const first = lines.findIndex((line) =>
    (isRow ? /^\|[ :|-]+\|$/ : /^\s*(?:[-*]|\d+\.) /).test(line),
  )
  if (first === -1) return block
  const head = lines.slice(0, isRow ? first + 1 : first)
  // What goes on in a second line belongs to its item.
  const parts = lines.slice(head.length).reduce<string[]>((items, line) => {
    if (isRow || items.length === 0 || /^(?:[-*]|\d+\.) /.test(line)) return [...items, line]
    return [...items.slice(0, -1), `${items.at(-1) ?? ''}\n${line}`]
  }, [])
  if (parts.length <= LINES_MAX) return block
  const kept = parts
    .map((part, position) => ({ part, position, score: index.coverage(terms, part) }))
    .toSorted((a, b) => b.score - a.score || a.position - b.position)
    .slice(0, LINES_MAX)
    // Where no row stands out, the question is about all of them, and the first ones stand for them.
    .filter(({ score }, _, [best]) => score >= (best?.score ?? 0) / 2 || (best?.score ?? 0) < 0.4)
    .toSorted((a, b) => a.position - b.position)
  return [...head, ...kept.map(({ part }) => part)].join('\n')
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
