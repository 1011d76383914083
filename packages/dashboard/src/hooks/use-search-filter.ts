import { useCallback, useMemo } from 'react'
import { useSearchParams } from 'wouter'

/**
 * A filter that is in the address: a link leads to the same rows.
 *
 * @param names Which parameters of the address belong to it.
 * @returns What is set, and what sets some; an empty value removes.
 */
export function useSearchFilter<Name extends string>(
  names: readonly Name[],
): [Partial<Record<Name, string>>, (change: Partial<Record<Name, string>>) => void] {
  const [search, setSearch] = useSearchParams()
  const text = search.toString()
  const filter = useMemo(() => {
    const parameters = new URLSearchParams(text)
    const found: Partial<Record<Name, string>> = {}
    for (const name of names) {
      const value = parameters.get(name)?.trim()
      if (value !== undefined && value !== '') found[name] = value
    }
    return found
  }, [names, text])
  const change = useCallback(
    (values: Partial<Record<Name, string>>) =>
      setSearch(
        (before) => {
          const next = new URLSearchParams(before)
          for (const [name, value] of Object.entries<string | undefined>(values)) {
            if (value === undefined || value === '') next.delete(name)
            else next.set(name, value)
          }
          return next
        },
        { replace: true },
      ),
    [setSearch],
  )
  return [filter, change]
}
