/** What an operator sets: environments, keys, redirects, providers; and who changed what. */
import { useQuery } from '@tanstack/react-query'
import type { OperationInput, Schemas } from 'firma/client'
import { api } from '../api.ts'
import type { EnvironmentChange } from './use-draft.ts'
import { useChange } from './use-change.ts'
import { useEnvironment } from './use-environment.tsx'
import { usePaged } from './use-paged.ts'

export type ApiKey = Schemas['ApiKey']
export type AuditEntry = Schemas['AuditEntry']
export type Provider = Schemas['Provider']

export function useKeys() {
  return usePaged<ApiKey>(
    'keys',
    {},
    async ({ query, signal }) => await api.call('GET /admin/v1/keys', { query }, { signal }),
  )
}

export function useCreateKey() {
  return useChange(
    async (body: OperationInput<'POST /admin/v1/keys'>['body']) =>
      await api.call('POST /admin/v1/keys', { body }),
  )
}

export function useRotateKey() {
  return useChange(
    async (keyId: string) =>
      await api.call('POST /admin/v1/keys/{key_id}/rotate', { path: { key_id: keyId }, body: {} }),
  )
}

export function useEndKey() {
  return useChange(
    async (keyId: string) =>
      await api.call('DELETE /admin/v1/keys/{key_id}', { path: { key_id: keyId } }),
  )
}

/** What the audit log can be filtered by. */
export const AUDIT_FILTERS = ['log', 'action', 'actor', 'subject'] as const
export type AuditFilter = Partial<Record<(typeof AUDIT_FILTERS)[number], string>>

export function useAudit(filter: AuditFilter) {
  return usePaged<AuditEntry>('audit', filter, async ({ query, signal }) => {
    const { log, ...others } = filter
    const wanted = {
      ...others,
      ...query,
      ...(log === 'traffic' ? { log: 'traffic' as const } : {}),
    }
    return await api.call('GET /admin/v1/audit', { query: wanted }, { signal })
  })
}

export function useChangeEnvironment() {
  const { environment } = useEnvironment()
  return useChange(
    async (body: EnvironmentChange) =>
      await api.call('PATCH /admin/v1/environments/{dev_id}', {
        path: { dev_id: environment.dev_id },
        body,
      }),
  )
}

export function useCreateEnvironment() {
  return useChange(
    async (body: { readonly dev_id: string; readonly name: string }) =>
      await api.call('POST /admin/v1/environments', { body }),
  )
}

export function useProviders() {
  return usePaged<Provider>(
    'providers',
    {},
    async ({ query, signal }) => await api.call('GET /admin/v1/providers', { query }, { signal }),
  )
}

/** Names of the providers that people can connect here. */
export function useProviderNames(): string[] {
  return useProviders()
    .rows.filter(({ enabled }) => enabled)
    .map(({ provider }) => provider)
}

export function useProvider(provider: string) {
  const { environment } = useEnvironment()
  return useQuery({
    queryKey: ['environment', environment.dev_id, 'provider', provider],
    queryFn: async () =>
      await api.call('GET /admin/v1/providers/{provider}', { path: { provider } }),
  })
}

export function useEnableProvider(provider: string) {
  return useChange(
    async (body: OperationInput<'PUT /admin/v1/providers/{provider}'>['body']) =>
      await api.call('PUT /admin/v1/providers/{provider}', { path: { provider }, body }),
  )
}

export function useDisableProvider(provider: string) {
  return useChange(
    async () => await api.call('DELETE /admin/v1/providers/{provider}', { path: { provider } }),
  )
}
