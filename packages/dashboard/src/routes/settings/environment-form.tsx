import type { Schemas } from 'firma/client'
import { useState } from 'react'
import { CheckField, SelectField, TextField } from '../../components/field.tsx'
import { FormCard } from '../../components/form-card.tsx'
import { useChangeEnvironment } from '../../hooks/use-settings.ts'

type Settings = Schemas['EnvironmentSettings']

const MATCH_POLICIES: Readonly<Record<Settings['match_policy'], string>> = {
  reference: 'the same person (reference_id) connects the same provider',
  account_and_reference: 'the same person connects the same account',
  account: 'the same account is connected, by whomever',
}

const FAILED_SHAPES: Readonly<Record<Settings['failed_auth_shape'], string>> = {
  auth_cancelled: 'auth_cancelled (since 2026)',
  legacy: 'auth with status error (before)',
}

/** Name, and what counts as a reconnection. */
export function EnvironmentForm({ environment }: { readonly environment: Schemas['Environment'] }) {
  const [name, setName] = useState(environment.name)
  const [settings, setSettings] = useState(environment.settings)
  const { match_policy, failed_auth_shape, is_production } = settings
  const change = useChangeEnvironment()
  return (
    <FormCard
      title="Environment"
      change={change}
      onSubmit={() =>
        change.mutate({ name, settings: { match_policy, failed_auth_shape, is_production } })
      }
    >
      <TextField
        label="Name"
        hint="People read it on the connect page."
        required
        maxLength={100}
        value={name}
        onChange={(event) => setName(event.target.value)}
      />
      <SelectField
        label="A connection replaces an earlier one when"
        value={match_policy}
        onChange={({ target }) =>
          setSettings({ ...settings, match_policy: target.value as Settings['match_policy'] })
        }
      >
        <Options of={MATCH_POLICIES} />
      </SelectField>
      <SelectField
        label="A failed connection is announced as"
        value={failed_auth_shape}
        onChange={({ target }) =>
          setSettings({
            ...settings,
            failed_auth_shape: target.value as Settings['failed_auth_shape'],
          })
        }
      >
        <Options of={FAILED_SHAPES} />
      </SelectField>
      <CheckField
        label="Production: only redirects of the allow-list"
        isChecked={is_production}
        onChange={(isOn) => setSettings({ ...settings, is_production: isOn })}
      />
    </FormCard>
  )
}

function Options({ of }: { readonly of: Readonly<Record<string, string>> }) {
  return Object.entries(of).map(([value, meaning]) => (
    <option key={value} value={value}>
      {meaning}
    </option>
  ))
}
