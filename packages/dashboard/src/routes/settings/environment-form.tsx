import type { Schemas } from 'firma/client'
import { CheckField, SelectField, TextField } from '../../components/field.tsx'
import { useDraft } from '../../hooks/use-draft.ts'
import { useEnvironment } from '../../hooks/use-environment.tsx'
import { SettingsForm } from './settings-form.tsx'

type Settings = Omit<Schemas['EnvironmentSettings'], 'redirects' | 'brand'>

interface SettingsProps {
  readonly settings: Settings
  readonly onChange: (change: Partial<Settings>) => void
}

const MATCH_POLICIES: Readonly<Record<Settings['match_policy'], string>> = {
  reference: 'the same person (reference_id) connects the same provider',
  account_and_reference: 'the same person connects the same account',
  account: 'the same account is connected, by whomever',
}

const CONFIRMATIONS: Readonly<Record<Settings['connect']['confirmation'], string>> = {
  off: 'comes back from the provider',
  required: 'has come back and the app has confirmed who it is',
}

const ACCOUNT_POLICIES: Readonly<Record<Settings['connect']['account_policy'], string>> = {
  allow: 'is connected; other people keep theirs',
  reject: 'is refused',
  move: 'is connected; what it replaces ends with deauth',
}

const FAILED_SHAPES: Readonly<Record<Settings['failed_auth_shape'], string>> = {
  auth_cancelled: 'auth_cancelled (since 2026)',
  legacy: 'auth with status error (before)',
}

/** Name, what counts as a reconnection, how long is kept what was sent. */
export function EnvironmentForm() {
  const form = useDraft(
    // Redirects and brand have forms of their own.
    ({ name, settings: { redirects: _redirects, brand: _brand, ...own } }) => ({ name, ...own }),
    ({ name, ...settings }) => ({ name, settings }),
  )
  const { draft, set } = form
  const { declared } = useEnvironment().environment
  const own = declared.filter((name) => !name.startsWith('redirects.'))
  return (
    <SettingsForm title="Environment" form={form} declared={own}>
      <TextField
        label="Name"
        hint="People read it on the connect page."
        required
        maxLength={100}
        value={draft.name}
        onChange={(event) => set({ name: event.target.value })}
      />
      <Connecting settings={draft} onChange={set} />
      <Announcing settings={draft} onChange={set} />
      <TextField
        label="Payloads are kept for (days)"
        type="number"
        min={1}
        required
        value={draft.retention_days}
        onChange={(event) => set({ retention_days: Number(event.target.value) })}
      />
      <CheckField
        label="The app may read providers’ tokens (each reading is in the audit log)"
        isChecked={draft.token_access === 'allowed'}
        onChange={(isOn) => set({ token_access: isOn ? 'allowed' : 'off' })}
      />
      <CheckField
        label="Production: only redirects of the allow-list"
        isChecked={draft.is_production}
        onChange={(isOn) => set({ is_production: isOn })}
      />
    </SettingsForm>
  )
}

function Connecting({ settings: { connect }, onChange }: SettingsProps) {
  return (
    <>
      <SelectField
        label="Something is connected when the person"
        value={connect.confirmation}
        onChange={(event) =>
          onChange({
            connect: {
              ...connect,
              confirmation: event.target.value as typeof connect.confirmation,
            },
          })
        }
      >
        <Options of={CONFIRMATIONS} />
      </SelectField>
      <SelectField
        label="A login with an unexpected account"
        hint="One that another person has connected, or not the one that was connected before."
        value={connect.account_policy}
        onChange={(event) =>
          onChange({
            connect: {
              ...connect,
              account_policy: event.target.value as typeof connect.account_policy,
            },
          })
        }
      >
        <Options of={ACCOUNT_POLICIES} />
      </SelectField>
    </>
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
