import type { FieldPath } from './request.ts'

/**
 * The value at a path inside parsed JSON.
 *
 * @param path See {@link FieldPath}; empty for the value itself.
 * @returns Undefined where the path leads nowhere. Only own members are found.
 */
export function findField(json: unknown, path: FieldPath): unknown {
  if (path === '') return json
  let value = json
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = Reflect.get(value, name) as unknown
  }
  return value
}
