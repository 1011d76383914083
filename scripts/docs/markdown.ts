/** A fenced block of a Markdown document. */
export interface CodeBlock {
  /** What follows the fence: `ts`, `sh`, `json event`. */
  readonly info: string
  readonly code: string
  /** Line of the first line of code in the document, from 1. */
  readonly line: number
}

/** A link or an image of a Markdown document. */
export interface Link {
  readonly target: string
  /** Line in the document, from 1. */
  readonly line: number
}

interface Scan {
  readonly blocks: CodeBlock[]
  /** The lines outside of blocks; those inside are empty, so that line numbers hold. */
  readonly prose: string[]
}

const FENCE = /^\s*(?<fence>`{3,}|~{3,})\s*(?<info>[^`]*)$/
/** `[text](target)`, `[text](target "title")`, `[text](<target>)`. */
const INLINE_LINK = /\]\(\s*<?(?<target>[^()\s<>]+)>?(?:\s+"[^"]*")?\s*\)/g
/** `[label]: target` */
const LINK_DEFINITION = /^\s{0,3}\[[^\]]+\]:\s*<?(?<target>[^\s<>]+)/
const HEADING = /^#{1,6}\s+(?<text>.*?)\s*#*$/

function scan(markdown: string): Scan {
  const blocks: CodeBlock[] = []
  const prose: string[] = []
  let open: { fence: string; info: string; line: number; code: string[] } | undefined
  for (const [index, text] of markdown.split(/\r?\n/).entries()) {
    const match = FENCE.exec(text)
    const fence = match?.groups?.['fence']
    prose.push(open !== undefined || fence !== undefined ? '' : text)
    if (open === undefined) {
      if (fence === undefined) continue
      open = { fence, info: match?.groups?.['info']?.trim() ?? '', line: index + 2, code: [] }
    } else if (fence?.startsWith(open.fence) === true && match?.groups?.['info'] === '') {
      blocks.push({ info: open.info, code: open.code.join('\n'), line: open.line })
      open = undefined
    } else {
      open.code.push(text)
    }
  }
  // An unclosed fence runs to the end of the document, as it does on the page.
  if (open !== undefined)
    blocks.push({ info: open.info, code: open.code.join('\n'), line: open.line })
  return { blocks, prose }
}

/** The fenced blocks, in order. */
export function listCodeBlocks(markdown: string): CodeBlock[] {
  return scan(markdown).blocks
}

/** The first lines of blocks that are code because they are indented, from 1. In lists an indent belongs to the item. */
export function listIndentedCode(markdown: string): number[] {
  const { prose } = scan(markdown)
  let isInList = false
  return prose.flatMap((text, index) => {
    if (/^(?:[-*+]|\d+[.)])\s/.test(text)) isInList = true
    else if (/^\S/.test(text)) isInList = false
    const isCode = /^(?: {4}|\t)\s*\S/.test(text) && (prose[index - 1] ?? '').trim() === ''
    return isCode && !isInList ? [index + 1] : []
  })
}

/** Every link target outside of code, in order. */
export function listLinks(markdown: string): Link[] {
  return scan(markdown).prose.flatMap((text, index) => {
    const withoutCode = text.replaceAll(/`[^`]*`/g, '')
    const matches = [...withoutCode.matchAll(INLINE_LINK)]
    const definition = LINK_DEFINITION.exec(withoutCode)
    if (definition !== null) matches.push(definition)
    return matches.map((match) => ({ target: match.groups?.['target'] ?? '', line: index + 1 }))
  })
}

/** The anchors that the headings make, as GitHub spells them. */
export function listAnchors(markdown: string): string[] {
  const seen = new Map<string, number>()
  const anchors: string[] = []
  for (const text of scan(markdown).prose) {
    const heading = HEADING.exec(text)?.groups?.['text']
    if (heading === undefined) continue
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-')
    const repeats = seen.get(slug) ?? 0
    seen.set(slug, repeats + 1)
    anchors.push(repeats === 0 ? slug : `${slug}-${repeats}`)
  }
  return anchors
}

/** The cells of every table row, without the rows that separate the header. */
export function listTableRows(markdown: string): string[][] {
  return scan(markdown)
    .prose.filter((text) => /^\s*\|.*\|\s*$/.test(text) && !/^[\s|:-]*$/.test(text))
    .map((text) => {
      const cells = text.trim().slice(1, -1).split('|')
      return cells.map((cell) => cell.trim())
    })
}
