import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Document } from './documents.ts'
import { type Link, listAnchors, listLinks } from './markdown.ts'

const ABSOLUTE = /^(?:[a-z][a-z0-9+.-]*:|\/\/)/i

/** Links between files of the repository that lead to no file, or to a heading that is not there. */
export function findBrokenLinks(root: string, documents: readonly Document[]): string[] {
  const anchorsByFile = new Map(
    documents.map(({ file, markdown }) => [file, listAnchors(markdown)] as const),
  )
  const describe = (file: string, { target, line }: Link): string[] => {
    if (ABSOLUTE.test(target)) return []
    const [place = '', anchor = ''] = target.split('#')
    const linked = place === '' ? file : path.posix.join(path.posix.dirname(file), decodeURI(place))
    if (linked.startsWith('..')) return [`${file}:${line}: ${target} leads out of the repository`]
    if (!existsSync(path.join(root, linked))) return [`${file}:${line}: ${target} does not exist`]
    const anchors = anchorsByFile.get(linked)
    if (anchor === '' || anchors === undefined || anchors.includes(anchor)) return []
    return [`${file}:${line}: ${linked} has no heading #${anchor}`]
  }
  return documents.flatMap(({ file, markdown }) =>
    listLinks(markdown).flatMap((link) => describe(file, link)),
  )
}
