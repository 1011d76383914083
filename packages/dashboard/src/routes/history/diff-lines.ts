export interface DiffLine {
  readonly kind: 'same' | 'removed' | 'added'
  readonly text: string
}

/** Lines of each text that are compared; bodies beyond it are shown one after the other. */
export const DIFF_LINES_MAX = 2_000

/** The shortest way from one text to the other, line by line (longest common subsequence). */
export function diffLines(one: string, other: string): DiffLine[] {
  const [a, b] = [one.split('\n'), other.split('\n')]
  if (a.length > DIFF_LINES_MAX || b.length > DIFF_LINES_MAX) {
    return [...toLines(a, 'removed'), ...toLines(b, 'added')]
  }
  const width = b.length + 1
  // common[i * width + j]: how many lines a from i and b from j have in common, in order.
  const common = new Uint32Array((a.length + 1) * width)
  const at = (i: number, j: number): number => common[i * width + j] ?? 0
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      common[i * width + j] =
        a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1))
    }
  }
  const lines: DiffLine[] = []
  let [i, j] = [0, 0]
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      lines.push(...toLines(a.slice(i, i + 1), 'same'))
      i += 1
      j += 1
    } else if (at(i + 1, j) >= at(i, j + 1)) {
      lines.push(...toLines(a.slice(i, i + 1), 'removed'))
      i += 1
    } else {
      lines.push(...toLines(b.slice(j, j + 1), 'added'))
      j += 1
    }
  }
  return [...lines, ...toLines(a.slice(i), 'removed'), ...toLines(b.slice(j), 'added')]
}

function toLines(texts: readonly string[], kind: DiffLine['kind']): DiffLine[] {
  return texts.map((text) => ({ kind, text }))
}
