/** Every code block of the documents is of a kind that something checks. */
import type { Document } from './documents.ts'
import { listCodeBlocks, listIndentedCode } from './markdown.ts'

/** What a JSON block can claim to be; `packages/hub/test/docs/blocks.test.ts` compares each with what it claims. */
export const JSON_KINDS = [
  'json event',
  'json catalog-entry',
  'json provider-settings',
  'json pulled-events',
  'json forwarded-event',
] as const
export type JsonKind = (typeof JSON_KINDS)[number]

/** What follows the fence, and by what such blocks are checked. */
const CHECKED_BY: Readonly<Record<string, string>> = {
  sh: 'command-lines.ts, and run by packages/hub/test/docs/commands.test.ts',
  ts: 'compile-blocks.ts',
  tsx: 'compile-blocks.ts',
  http: 'packages/hub/test/docs/blocks.test.ts, which sends them to a hub',
  html: 'packages/hub/test/e2e/connect-button.test.ts, which opens them in a browser',
  nginx: 'proxy-configs.ts',
  caddyfile: 'proxy-configs.ts',
  ...Object.fromEntries(JSON_KINDS.map((kind) => [kind, 'packages/hub/test/docs/blocks.test.ts'])),
}

/** Blocks that nothing would check. */
export function findUncheckedBlocks(documents: readonly Document[]): string[] {
  const kinds = Object.keys(CHECKED_BY)
  return documents.flatMap(({ file, markdown }) => [
    ...listIndentedCode(markdown).map(
      (line) => `${file}:${line}: nothing checks code that is only indented; put it between fences`,
    ),
    ...listCodeBlocks(markdown)
      .filter(({ info }) => !kinds.includes(info))
      .map(
        ({ info, line }) =>
          `${file}:${line}: nothing checks a block of the kind "${info}"; it is one of ${kinds.join(', ')}`,
      ),
  ])
}
