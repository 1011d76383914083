import type { Schemas } from 'firma/client'
import { useState } from 'react'
import { CheckField, TextArea } from '../../components/field.tsx'
import { FormCard } from '../../components/form-card.tsx'
import { useChangeEnvironment } from '../../hooks/use-settings.ts'

/** Where browsers may be sent when a connection has ended. */
export function RedirectsForm({ environment }: { readonly environment: Schemas['Environment'] }) {
  const { redirects } = environment.settings
  const [isListed, setListed] = useState(redirects.allow_list !== null)
  const [allowList, setAllowList] = useState((redirects.allow_list ?? []).join('\n'))
  const [schemes, setSchemes] = useState(redirects.schemes.join('\n'))
  const change = useChangeEnvironment()
  const save = (): void => {
    const allow_list = isListed ? toLines(allowList) : null
    change.mutate({ settings: { redirects: { allow_list, schemes: toLines(schemes) } } })
  }
  return (
    <FormCard title="Redirects" change={change} onSubmit={save}>
      <CheckField label="Only these addresses" isChecked={isListed} onChange={setListed} />
      <TextArea
        label="Allowed addresses, one a line (the query may differ)"
        placeholder="https://app.example/connected"
        disabled={!isListed}
        value={allowList}
        onChange={(event) => setAllowList(event.target.value)}
      />
      <TextArea
        label="Schemes of your app’s deep links, one a line"
        placeholder="myapp"
        value={schemes}
        onChange={(event) => setSchemes(event.target.value)}
      />
    </FormCard>
  )
}

function toLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
}
