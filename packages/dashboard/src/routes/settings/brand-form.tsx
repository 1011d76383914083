import { TextField } from '../../components/field.tsx'
import { useDraft } from '../../hooks/use-draft.ts'
import { SettingsForm } from './settings-form.tsx'

/** How the connect page looks, and why the app asks. */
export function BrandForm() {
  const form = useDraft(
    ({ settings }) => settings.brand,
    (brand) => ({ settings: { brand } }),
  )
  const field = (name: keyof typeof form.draft) => ({
    value: form.draft[name] ?? '',
    onChange: ({ target }: { readonly target: { readonly value: string } }) =>
      form.set({ [name]: target.value === '' ? null : target.value }),
  })
  return (
    <SettingsForm title="Connect page" form={form}>
      <TextField
        label="Why you ask for data"
        hint="One sentence, read by the person who connects."
        maxLength={500}
        {...field('purpose')}
      />
      <TextField
        label="Accent colour"
        hint="For example #1f6b4a. It is darkened or lightened until it can be read."
        placeholder="#1f6b4a"
        {...field('accent')}
      />
      <TextField
        label="Logo"
        hint="An https address, or a data:image/… address of at most 24 KB."
        placeholder="https://"
        {...field('logo')}
      />
    </SettingsForm>
  )
}
