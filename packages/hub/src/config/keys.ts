import { z } from 'zod'
import type { KeyRing } from '../seal.ts'

const HEX_KEY = /^[0-9a-f]{64}$/

/** The content of a key file. */
export const KEY_FILE = z.object({
  primary: z.string().min(1),
  keys: z.record(z.string(), z.string().regex(HEX_KEY)),
})

const SHAPE = 'must be like k1:<64 hexadecimal digits>, or the JSON of a key file'

/** @returns The keys, or why the text is none: a text that never quotes it. */
export function parseKeys(text: string): KeyRing | string {
  return text.trimStart().startsWith('{') ? parseJsonKeys(text) : parseKeyList(text)
}

/** A key file's content as keys. @returns Why not, where its primary key is missing. */
export function toKeyRing({ primary, keys }: z.output<typeof KEY_FILE>): KeyRing | string {
  if (keys[primary] === undefined) return `names "${primary}" as primary, but has no such key`
  const bytes = Object.entries(keys).map(([id, hex]) => [id, Buffer.from(hex, 'hex')] as const)
  return { primaryId: primary, keys: new Map(bytes) }
}

function parseJsonKeys(text: string): KeyRing | string {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch {
    return SHAPE
  }
  const result = KEY_FILE.safeParse(content)
  return result.success ? toKeyRing(result.data) : SHAPE
}

/** `id:hex` by commas or lines; the first is the primary one. */
function parseKeyList(text: string): KeyRing | string {
  const parts = text.split(/[,\s]+/).filter((part) => part !== '')
  const keys: Record<string, string> = {}
  for (const part of parts) {
    const [, id = '', hex = ''] = /^([\w-]{1,32}):([0-9a-f]{64})$/i.exec(part) ?? []
    if (id === '') return SHAPE
    if (keys[id] !== undefined) return `must name each key once; "${id}" is there twice`
    keys[id] = hex.toLowerCase()
  }
  const [primary] = Object.keys(keys)
  return primary === undefined ? SHAPE : toKeyRing({ primary, keys })
}
