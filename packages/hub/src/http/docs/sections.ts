/** Pages cut at their headings: what search finds and answers quote. */
import { type DocPage, withoutComments } from './page.ts'

export interface Section {
  readonly page: DocPage
  /** Of the heading; empty for what stands before the first one. */
  readonly anchor: string
  /** From the page's title down to the section's own heading. */
  readonly headings: readonly string[]
  /** Without the heading. */
  readonly markdown: string
  /** Other words for what it is about, from a comment `<!-- index: one; another -->` below the heading. */
  readonly aliases: readonly string[]
}

const HEADING = /^(?<marks>#{1,4})\s+(?<text>.*?)\s*#*$/
const INDEX = /<!--\s*index:(?<words>[^]*?)-->/g
const FENCE = /^\s*(`{3,}|~{3,})/

export function toSections(page: DocPage): Section[] {
  const sections: Section[] = []
  const anchors = createAnchors()
  const path: string[] = []
  let lines: string[] = []
  let anchor = ''
  let fence: string | undefined
  const close = (): void => {
    const text = lines.join('\n')
    const markdown = withoutComments(text).trim()
    const headings = path.filter((heading) => heading !== undefined)
    const aliases = [...text.matchAll(INDEX)]
      .flatMap((match) => match.groups?.['words']?.split(';') ?? [])
      .map((alias) => alias.replaceAll(/\s+/g, ' ').trim())
      .filter((alias) => alias !== '')
    if (markdown !== '') sections.push({ page, anchor, headings, markdown, aliases })
    lines = []
  }
  for (const line of page.source.split(/\r?\n/)) {
    const mark = FENCE.exec(line)?.[1]
    if (mark !== undefined && (fence === undefined || mark.startsWith(fence))) {
      fence = fence === undefined ? mark : undefined
    }
    const groups = fence === undefined ? HEADING.exec(line)?.groups : undefined
    if (groups === undefined) {
      lines.push(line)
      continue
    }
    close()
    const { marks = '#', text = '' } = groups
    anchor = anchors(text)
    path.length = marks.length - 1
    path[marks.length - 1] = text
    if (marks.length === 1) anchor = ''
  }
  close()
  return sections
}

/** Anchors of one page's headings, as GitHub spells them. */
export function createAnchors(): (heading: string) => string {
  const seen = new Map<string, number>()
  return (heading) => {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-')
    const repeats = seen.get(slug) ?? 0
    seen.set(slug, repeats + 1)
    return repeats === 0 ? slug : `${slug}-${repeats}`
  }
}
