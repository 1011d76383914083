import type { Schemas } from 'firma/client'
import { useState } from 'react'
import { TextField } from '../../components/field.tsx'
import { FormCard } from '../../components/form-card.tsx'
import { useChangeEnvironment } from '../../hooks/use-settings.ts'

/** How the connect page looks, and why the app asks. */
export function BrandForm({ environment }: { readonly environment: Schemas['Environment'] }) {
  const [brand, setBrand] = useState(environment.settings.brand)
  const change = useChangeEnvironment()
  const field = (name: keyof typeof brand) => ({
    value: brand[name] ?? '',
    onChange: ({ target }: { readonly target: { readonly value: string } }) =>
      setBrand({ ...brand, [name]: target.value === '' ? null : target.value }),
  })
  return (
    <FormCard
      title="Connect page"
      change={change}
      onSubmit={() => change.mutate({ settings: { brand } })}
    >
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
    </FormCard>
  )
}
