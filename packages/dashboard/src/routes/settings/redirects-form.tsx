import { CheckField, TextArea } from '../../components/field.tsx'
import { useDraft } from '../../hooks/use-draft.ts'
import { useEnvironment } from '../../hooks/use-environment.tsx'
import { SettingsForm } from './settings-form.tsx'

/** Where browsers may be sent when a connection has ended. */
export function RedirectsForm() {
  const form = useDraft(
    ({ settings: { redirects } }) => ({
      isListed: redirects.allow_list !== null,
      allowList: (redirects.allow_list ?? []).join('\n'),
      schemes: redirects.schemes.join('\n'),
    }),
    ({ isListed, allowList, schemes }) => {
      const allow_list = isListed ? toLines(allowList) : null
      return { settings: { redirects: { allow_list, schemes: toLines(schemes) } } }
    },
  )
  const { isListed, allowList, schemes } = form.draft
  const { declared } = useEnvironment().environment
  const own = declared.filter((name) => name.startsWith('redirects.'))
  return (
    <SettingsForm title="Redirects" form={form} declared={own}>
      <CheckField
        label="Only these addresses"
        isChecked={isListed}
        onChange={(isOn) => form.set({ isListed: isOn })}
      />
      <TextArea
        label="Allowed addresses, one a line (the query may differ)"
        placeholder="https://app.example/connected"
        disabled={!isListed}
        value={allowList}
        onChange={(event) => form.set({ allowList: event.target.value })}
      />
      <TextArea
        label="Schemes of your app’s deep links, one a line"
        placeholder="myapp"
        value={schemes}
        onChange={(event) => form.set({ schemes: event.target.value })}
      />
    </SettingsForm>
  )
}

function toLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}
