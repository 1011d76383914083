import { readFileSync } from 'node:fs'
import path from 'node:path'

/** A Markdown document of the repository. */
export interface Document {
  /** Path from the root of the repository, with `/`. */
  readonly file: string
  readonly markdown: string
}

/** All Markdown counts: a page that is not checked is a page that goes stale. */
export function isDocument(file: string): boolean {
  return file.endsWith('.md')
}

export function readDocuments(root: string, files: readonly string[]): Document[] {
  return files.map((file) => ({ file, markdown: readFileSync(path.join(root, file), 'utf8') }))
}
