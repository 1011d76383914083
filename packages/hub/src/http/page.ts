/** The convention of every list in the admin API: `?limit=&after=` in, `{ data, next }` out. */
import { z } from '@hono/zod-openapi'
import { wholeNumber } from './schemas.ts'

/** Rows on a page where the request does not say. */
const LIMIT = 25
const LIMIT_MAX = 100
/** Far beyond every cursor of ours. */
const CURSOR_LENGTH_MAX = 2_000

/**
 * The parameters of a list, to be spread into a route's `query`.
 *
 * @param position What a cursor of this list holds: the sort key of the last row, most often its id.
 */
export function pageQuery<T extends z.ZodType>(position: T) {
  return {
    limit: wholeNumber(1, LIMIT_MAX).default(LIMIT),
    after: z
      .string()
      .max(CURSOR_LENGTH_MAX, { error: 'is not a cursor of this list' })
      .transform((cursor, context): z.output<T> => {
        const result = position.safeParse(decodeCursor(cursor))
        if (result.success) return result.data
        context.addIssue('is not a cursor of this list; take it from "next" of the page before')
        return z.NEVER
      })
      .optional(),
  }
}

/** The parameters of a list whose cursor is the id of a row. */
export const PAGE_QUERY = pageQuery(z.string())

/** The answer of a list. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.object({ data: z.array(item), next: z.string().nullable() })
}

/**
 * Cuts a page from rows of which one more than `limit` was asked for.
 *
 * @param position What the next page starts after.
 */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  position: (last: Row) => unknown,
  toItem: (row: Row) => Item,
): { data: Item[]; next: string | null } {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  const next = rows.length > limit && last !== undefined ? encodeCursor(position(last)) : null
  return { data: page.map(toItem), next }
}

/** @param position JSON of a few bytes. */
export function encodeCursor(position: unknown): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/** @returns Undefined for what is no cursor. */
function decodeCursor(cursor: string): unknown {
  const text = Buffer.from(cursor, 'base64url').toString('utf8')
  // Databases differ in what they do with null characters, and no cursor of ours has one.
  if (text.includes(String.raw`\u0000`)) return undefined
  try {
    return JSON.parse(text)
  } catch {
    // Whoever reads the cursor says what is wrong with it.
    return undefined
  }
}
