/** What a key may do. */

/**
 * - `connect`: the API that apps use (`/v2`).
 * - `read`: reading through the admin API.
 * - `write`: changes through the admin API.
 * - `operator`: everything, in every environment, environments and keys included.
 */
export type Scope = 'connect' | 'read' | 'write' | 'operator'

/** Of a key that is made without saying: everything in its own environment. */
export const DEFAULT_SCOPES: readonly Scope[] = ['connect', 'read', 'write']

/** Whether somebody with these scopes may do what needs `needed`. */
export function hasScope(scopes: readonly Scope[], needed: Scope): boolean {
  return scopes.includes('operator') || scopes.includes(needed)
}
