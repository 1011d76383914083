import { useState } from 'react'
import { TextField } from '../../components/field.tsx'
import { FormCard } from '../../components/form-card.tsx'
import { SecretOnce } from '../../components/secret-once.tsx'
import { type Provider, useEnableProvider } from '../../hooks/use-settings.ts'

/** Enables a provider, or replaces its credentials. */
export function CredentialsForm({ provider }: { readonly provider: Provider }) {
  const [clientId, setClientId] = useState(provider.client_id ?? '')
  const [clientSecret, setClientSecret] = useState('')
  const [secrets, setSecrets] = useState<Readonly<Record<string, string>>>({})
  const enable = useEnableProvider(provider.provider)
  const save = (): void => {
    const given = Object.entries(secrets).filter(([, value]) => value !== '')
    enable.mutate({
      client_id: clientId.trim(),
      client_secret: clientSecret.trim(),
      ...(given.length > 0 && { secrets: Object.fromEntries(given) }),
    })
  }
  const noticeUrl = enable.data?.notice_url ?? null
  return (
    <FormCard
      title="Your credentials"
      action={provider.enabled ? 'Replace' : 'Enable'}
      change={enable}
      onSubmit={save}
    >
      <TextField
        label="Client id"
        required
        value={clientId}
        onChange={(event) => setClientId(event.target.value)}
      />
      <TextField
        label="Client secret"
        type="password"
        autoComplete="new-password"
        required
        hint="Encrypted at rest and never shown again."
        value={clientSecret}
        onChange={(event) => setClientSecret(event.target.value)}
      />
      {Object.entries(provider.secrets).map(([name, meaning]) => (
        <TextField
          key={name}
          label={name}
          type="password"
          autoComplete="new-password"
          hint={meaning}
          value={secrets[name] ?? ''}
          onChange={(event) => setSecrets({ ...secrets, [name]: event.target.value })}
        />
      ))}
      {noticeUrl !== null && <SecretOnce label="Address for its notices" secret={noticeUrl} />}
    </FormCard>
  )
}
