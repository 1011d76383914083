import { Button } from './button.tsx'
import { CopyButton } from './copy-button.tsx'

/** A secret at the only time that it can be seen. */
export function SecretOnce({ label, secret }: { readonly label: string; readonly secret: string }) {
  return (
    <div role="status" className="rounded-lg border border-accent/50 bg-tint p-3">
      <p className="text-sm font-medium">{label}</p>
      <p className="mt-1 text-xs text-soft">It is shown now and never again.</p>
      <div className="mt-2 flex flex-wrap items-center gap-2">
        <code className="min-w-0 flex-1 font-mono text-xs break-all">{secret}</code>
        <CopyButton text={secret} label="Copy" />
      </div>
    </div>
  )
}

/** Secrets that were just made, until somebody has kept them. */
export function SecretsMade({
  secrets,
  onClose,
}: {
  readonly secrets: Readonly<Record<string, string>>
  readonly onClose: () => void
}) {
  return (
    <div className="space-y-3">
      {Object.entries(secrets).map(([label, secret]) => (
        <SecretOnce key={label} label={label} secret={secret} />
      ))}
      <div className="flex justify-end">
        <Button look="primary" onClick={onClose}>
          Done
        </Button>
      </div>
    </div>
  )
}
