/** Placeholders in the data of providers, for example `{clientId}` or `{secret.webhookToken}`. */
import { FirmaError } from '../errors.ts'
import type { Provider } from './provider.ts'

/** Values by placeholder name. */
export type TemplateValues = Readonly<Record<string, string | undefined>>

const PLACEHOLDER = /\{([a-zA-Z][\w.]*)\}/g

/**
 * Fills in a template.
 *
 * @param encode Applied to every value; in URLs `encodeURIComponent`.
 * @throws FirmaError `configuration_invalid` when a value is missing: a request with a hole would fail at
 *   the provider with a message that names nothing.
 */
export function fillTemplate(
  template: string,
  values: TemplateValues,
  encode: (value: string) => string = (value) => value,
): string {
  return template.replaceAll(PLACEHOLDER, (_, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value !== undefined) return encode(value)
    throw new FirmaError(
      'configuration_invalid',
      `there is no value for {${name}}; enter it with the provider's credentials`,
    )
  })
}

/** Every template of a record, filled in. */
export function fillTemplates(
  templates: Readonly<Record<string, string>>,
  values: TemplateValues,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(templates).map(([name, template]) => [name, fillTemplate(template, values)]),
  )
}

/** Names of the secrets beside the client's that a provider's data refers to. */
export function secretNames(provider: Provider): string[] {
  const names = JSON.stringify(provider).matchAll(/\{secret\.([\w.]+)\}/g)
  return [...new Set([...names].flatMap(([, name]) => name ?? []))]
}
