import { Badge, type Tone } from '../../components/badge.tsx'

const TONES: Readonly<Record<string, Tone>> = {
  documented: 'good',
  third_party: 'warn',
  unverified: 'warn',
}

/** How far facts about a provider can be trusted. */
export function Confidence({ of }: { readonly of: string }) {
  return <Badge tone={TONES[of] ?? 'neutral'}>{of.replaceAll('_', ' ')}</Badge>
}
