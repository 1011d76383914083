import { toMessage } from '../api.ts'

/** Why a change was refused; nothing while it was not. */
export function ChangeError({ error }: { readonly error: unknown }) {
  if (error === null || error === undefined) return null
  return (
    <p role="alert" className="text-sm text-bad">
      {toMessage(error)}
    </p>
  )
}
