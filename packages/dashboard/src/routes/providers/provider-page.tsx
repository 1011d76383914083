import type { Schemas } from 'firma/client'
import { Link } from 'wouter'
import { Badge } from '../../components/badge.tsx'
import { CopyButton } from '../../components/copy-button.tsx'
import { Card, Page } from '../../components/page.tsx'
import { Failure, Loading } from '../../components/states.tsx'
import { useProvider } from '../../hooks/use-settings.ts'
import { Confidence } from './confidence.tsx'
import { CredentialsForm } from './credentials-form.tsx'
import { DisableProvider } from './disable-provider.tsx'
import { ProviderState } from './provider-state.tsx'
import { Subscriptions } from './subscriptions.tsx'

export function ProviderPage({ provider }: { readonly provider: string }) {
  const { data, error, refetch } = useProvider(provider)
  return (
    <Page
      title={data?.name ?? provider}
      about="Your credentials there, what to register, and how sure the facts are."
      doc="guides/providers/credentials"
      back={{ href: '/providers', label: 'Providers' }}
      actions={data?.enabled === true && <DisableProvider provider={data} />}
    >
      {error !== null && <Failure error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null && <Loading />}
      {data !== undefined && (
        <div className="grid items-start gap-4 lg:grid-cols-2">
          <div className="min-w-0 space-y-4">
            <Registration provider={data} />
            <CredentialsForm provider={data} />
            <Scopes provider={data} />
          </div>
          <Facts provider={data} />
        </div>
      )}
    </Page>
  )
}

/** @param day `2026-11-02`; the day itself is not over. */
const isPast = (day: string): boolean => day < new Date().toISOString().slice(0, 10)

function Registration({ provider }: { readonly provider: Schemas['ProviderDetail'] }) {
  const { redirect_uri, note, retires_on, successor } = provider
  return (
    <Card title="To be registered there">
      <div className="space-y-3 p-4 text-sm">
        <p>
          <ProviderState provider={provider} />
        </p>
        {provider.declared && (
          <p className="text-soft">
            The configuration file declares it: what is changed here holds until the hub starts
            again.
          </p>
        )}
        {retires_on !== null && (
          <p className="text-warn">
            This API {isPast(retires_on) ? 'ended' : 'ends'} on {retires_on}.
          </p>
        )}
        {successor !== null && (
          <p>
            <Link className="text-accent underline underline-offset-2" href="/moves">
              Move its people to {successor}
            </Link>
          </p>
        )}
        {note !== null && <p className="text-soft">{note}</p>}
        {provider.subscriptions !== null && <Subscriptions of={provider.subscriptions} />}
        <div>
          <p className="text-xs font-medium text-soft">Redirect URI</p>
          <div className="mt-1 flex flex-wrap items-center gap-2">
            <code className="min-w-0 flex-1 font-mono text-xs break-all">{redirect_uri}</code>
            <CopyButton text={redirect_uri} label="Copy" />
          </div>
        </div>
      </div>
    </Card>
  )
}

/** What people are asked for there. */
function Scopes({ provider: { scopes } }: { readonly provider: Schemas['ProviderDetail'] }) {
  const { asked, required } = scopes
  return (
    <Card title="Permissions">
      {asked.length === 0 ? (
        <p className="p-4 text-sm text-soft">
          You choose them in the developer portal of the provider; nothing is asked for by name.
        </p>
      ) : (
        <ul className="flex flex-wrap gap-1.5 p-4">
          {asked.map((scope) => (
            <li key={scope}>
              <Badge tone={required.includes(scope) ? 'good' : 'neutral'}>
                {required.includes(scope) ? `${scope} · required` : scope}
              </Badge>
            </li>
          ))}
        </ul>
      )}
    </Card>
  )
}

/** Where a fact is from: mostly an address. */
function Source({ text }: { readonly text: string }) {
  const look = 'text-xs break-words text-soft'
  if (!/^https:\/\/\S+$/.test(text)) return <p className={look}>{text}</p>
  return (
    <p className={look}>
      <a className="underline underline-offset-2" href={text} target="_blank" rel="noreferrer">
        {text}
      </a>
    </p>
  )
}

/** How far each group of facts can be trusted, and where it comes from. */
function Facts({ provider: { facts } }: { readonly provider: Schemas['ProviderDetail'] }) {
  return (
    <Card title="How sure the facts are">
      <ul className="divide-y divide-line">
        {facts.map(({ about, confidence, source, note }) => (
          <li key={about.join()} className="px-4 py-2.5 text-sm">
            <div className="flex flex-wrap items-center gap-2">
              <span className="font-medium">{about.join(', ')}</span>
              <Confidence of={confidence} />
            </div>
            {note !== undefined && <p className="mt-0.5 text-soft">{note}</p>}
            {source !== undefined && <Source text={source} />}
          </li>
        ))}
      </ul>
    </Card>
  )
}
