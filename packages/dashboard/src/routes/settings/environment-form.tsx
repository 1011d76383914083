import type { Schemas } from 'firma/client'
import { useState } from 'react'
import { CheckField, SelectField, TextField } from '../../components/field.tsx'
import { FormCard } from '../../components/form-card.tsx'
import { useChangeEnvironment } from '../../hooks/use-settings.ts'

type Settings = Schemas['EnvironmentSettings']

interface SettingsProps {
  readonly settings: Settings
  readonly onChange: (change: Partial<Settings>) => void
}

const MATCH_POLICIES: Readonly<Record<Settings['match_policy'], string>> = {
  reference: 'the same person (reference_id) connects the same provider',
  account_and_reference: 'the same person connects the same account',
  account: 'the same account is connected, by whomever',
}

const FAILED_SHAPES: Readonly<Record<Settings['failed_auth_shape'], string>> = {
  auth_cancelled: 'auth_cancelled (since 2026)',
  legacy: 'auth with status error (before)',
}

/** Name, what counts as a reconnection, how long is kept what was sent. */
export function EnvironmentForm({ environment }: { readonly environment: Schemas['Environment'] }) {
  const [name, setName] = useState(environment.name)
  const [settings, setSettings] = useState(environment.settings)
  const change = useChangeEnvironment()
  const set = (some: Partial<Settings>): void => setSettings({ ...settings, ...some })
  const save = (): void => {
    const { match_policy, failed_auth_shape, is_production, token_access, retention_days } =
      settings
    change.mutate({
      name,
      settings: { match_policy, failed_auth_shape, is_production, token_access, retention_days },
    })
  }
  return (
    <FormCard title="Environment" change={change} onSubmit={save}>
      <TextField
        label="Name"
        hint="People read it on the connect page."
        required
        maxLength={100}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <Announcing settings={settings} onChange={set} />
      <TextField
        label="Payloads are kept for (days)"
        type="number"
        min={1}
        required
        value={settings.retention_days}
        onChange={(event) => set({ retention_days: Number(event.target.value) })}
      />
      <CheckField
        label="The app may read providers’ tokens (each reading is in the audit log)"
        isChecked={settings.token_access === 'allowed'}
        onChange={(isOn) => set({ token_access: isOn ? 'allowed' : 'off' })}
      />
      <CheckField
        label="Production: only redirects of the allow-list"
        isChecked={settings.is_production}
        onChange={(isOn) => set({ is_production: isOn })}
      />
    </FormCard>
  )
}

function Announcing({ settings, onChange }: SettingsProps) {
  return (
    <>
      <SelectField
        label="A connection replaces an earlier one when"
        value={settings.match_policy}
        onChange={(event) =>
          onChange({ match_policy: event.target.value as Settings['match_policy'] })
        }
      >
        <Options of={MATCH_POLICIES} />
      </SelectField>
      <SelectField
        label="A failed connection is announced as"
        value={settings.failed_auth_shape}
        onChange={(event) =>
          onChange({ failed_auth_shape: event.target.value as Settings['failed_auth_shape'] })
        }
      >
        <Options of={FAILED_SHAPES} />
      </SelectField>
    </>
  )
}

function Options({ of }: { readonly of: Readonly<Record<string, string>> }) {
  return Object.entries(of).map(([value, meaning]) => (
    <option key={value} value={value}>
      {meaning}
    </option>
  ))
}
