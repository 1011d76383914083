import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'

/** Larger files are data. */
const FILE_BYTES_MAX = 4_000_000
/** How many folders deep a checkout must be before its path can only mean this machine. */
const MACHINE_PATH_DEPTH_MIN = 2

interface Pattern {
  readonly pattern: RegExp
  readonly problem: string
}

function listPatterns(root: string): Pattern[] {
  const patterns: Pattern[] = [
    // Written so that it does not find itself.
    { pattern: /\.{2}\/shared\b/, problem: 'refers to a folder outside of the repository' },
    { pattern: /\bregistry\.(?:npmjs|yarnpkg)\b/, problem: 'names a package registry' },
  ]
  const folders = root.split(path.sep).filter((folder) => folder !== '')
  if (folders.length >= MACHINE_PATH_DEPTH_MIN) {
    const escaped = root.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
    patterns.push({
      pattern: new RegExp(String.raw`(?<![\w.-])${escaped}(?![\w-])`),
      problem: 'contains the path of this checkout',
    })
  }
  return patterns
}

/** Lines that only make sense on the machine on which they were written. */
export function findPrivateText(root: string, files: readonly string[]): string[] {
  const patterns = listPatterns(root)
  return files.flatMap((file) => {
    const place = path.join(root, file)
    const stats = statSync(place, { throwIfNoEntry: false })
    if (stats === undefined || !stats.isFile() || stats.size > FILE_BYTES_MAX) return []
    const text = readFileSync(place, 'utf8')
    if (text.includes('\0')) return []
    return text
      .split('\n')
      .flatMap((line, index) =>
        patterns
          .filter(({ pattern }) => pattern.test(line))
          .map(({ problem }) => `${file}:${index + 1}: ${problem}`),
      )
  })
}
