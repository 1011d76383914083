/** A document as a page. */

export interface DocPage {
  /** The address below `/docs/`; empty for the first page. */
  readonly slug: string
  /** Path in the repository, to which links in documents are relative. */
  readonly file: string
  readonly title: string
  /** The first sentence, for lists. */
  readonly summary: string
  readonly markdown: string
  /** The same with its comments, which say what else its sections are called. */
  readonly source: string
}

/** Marks for the tools that make parts of a page, and for the search; no reader needs them. */
export function withoutComments(markdown: string): string {
  return markdown.replaceAll(/^<!--.*?-->\n*/gms, '')
}

/** Markdown without its marks, for titles and excerpts. */
export function toPlain(markdown: string): string {
  return markdown
    .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/(\*\*|__|`)(.+?)\1/g, '$2')
    .replaceAll(/(?<!\w)[*_](\S.*?)[*_](?!\w)/g, '$1')
}
