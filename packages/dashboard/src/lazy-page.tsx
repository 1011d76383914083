/** A page in a file of its own, which is fetched when it is needed. */
import { type ComponentType, lazy } from 'react'
import { Failure } from './components/states.tsx'

export interface LazyPage<Path extends string, Props> {
  /** The address below the pages' own, as the router spells it. */
  readonly path: Path
  readonly Page: ComponentType<Props>
  /** Fetches the file, once; it does not fail. */
  readonly load: () => Promise<unknown>
}

const GONE = new Error(
  'It could not be fetched. The hub does not answer, or has been replaced by a newer one.',
)

export function lazyPage<const Path extends string, Props extends object>(
  path: Path,
  fetchPage: () => Promise<ComponentType<Props>>,
): LazyPage<Path, Props> {
  let loading: Promise<{ default: ComponentType<Props> }> | undefined
  const load = async () => {
    loading ??= fetchPage().then(
      (page) => ({ default: page }),
      // A newer hub has other files; its first page names them.
      () => ({ default: Unfetched }),
    )
    return await loading
  }
  return { path, load, Page: lazy(load) }
}

function Unfetched() {
  return (
    <div className="mx-auto w-full max-w-7xl py-5 sm:px-2 lg:py-7">
      <h1 className="px-4 text-xl font-semibold tracking-tight">This page is not there</h1>
      <Failure error={GONE} onRetry={() => location.reload()} />
    </div>
  )
}
