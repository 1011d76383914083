import { Badge } from '../../components/badge.tsx'
import type { Provider } from '../../hooks/use-settings.ts'

export function ProviderState({
  provider: { enabled, is_simulated },
}: {
  readonly provider: Pick<Provider, 'enabled' | 'is_simulated'>
}) {
  if (!enabled) return <Badge tone="neutral">not enabled</Badge>
  return is_simulated ? <Badge tone="warn">simulated</Badge> : <Badge tone="good">enabled</Badge>
}
