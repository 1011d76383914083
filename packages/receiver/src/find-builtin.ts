type Host = NonNullable<typeof globalThis.process>

/**
 * Finds a module of Node's own; `undefined` where there is none. Not an import: a bundler for the edge would refuse its name.
 *
 * @param find Asks the host's `getBuiltinModule`.
 */
export function findBuiltin<T>(find: (host: Host) => T): T | undefined {
  try {
    const host = globalThis.process
    return typeof host?.getBuiltinModule === 'function' ? find(host) : undefined
  } catch {
    // The Edge runtime of Next.js has the name, and throws when it is read.
    return undefined
  }
}
