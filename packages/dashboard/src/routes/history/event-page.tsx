import { Link } from 'wouter'
import { CopyButton } from '../../components/copy-button.tsx'
import { JsonView, prettify } from '../../components/json-view.tsx'
import { Card, Page } from '../../components/page.tsx'
import { Failure, Loading } from '../../components/states.tsx'
import { Time } from '../../components/time.tsx'
import { type EventWithAttempts, useEvent, useEventBody } from '../../hooks/use-events.ts'
import { AttemptList } from './attempt-list.tsx'
import { ResendButton } from './resend.tsx'
import { toCurl } from './to-curl.ts'

export function EventPage({ id }: { readonly id: string }) {
  const event = useEvent(id)
  const body = useEventBody(id)
  const { data, error, refetch } = event
  return (
    <Page
      title={data?.type ?? 'Event'}
      about="One event: what was sent, to whom, and what came back."
      doc="events"
      back={{ href: '/history', label: 'Payload history' }}
      actions={
        <>
          <ResendButton eventIds={[id]} filter={{}} />
          <CopyButton text={() => Promise.resolve(location.href)} label="Copy link" />
          {body.data !== undefined && data !== undefined && (
            <CopyButton text={toCurl(data, body.data)} label="Copy as cURL" />
          )}
        </>
      }
    >
      {error !== null && <Failure error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null && <Loading />}
      {data !== undefined && (
        <div className="grid items-start gap-4 lg:grid-cols-[1fr_1.2fr]">
          <div className="min-w-0 space-y-4">
            <Facts event={data} />
            <AttemptList event={data} />
          </div>
          <Card title="Body, as it is signed and sent">
            <div className="p-4">
              {body.error !== null && <Failure error={body.error} />}
              {body.data !== undefined && (
                <JsonView text={prettify(body.data)} label="Body of the event" />
              )}
            </div>
          </Card>
        </div>
      )}
    </Page>
  )
}

function Facts({ event }: { readonly event: EventWithAttempts }) {
  const { id, created_at, provider, reference_id, user_id, lineage_id } = event
  return (
    <Card title="About">
      <dl className="grid grid-cols-[5.5rem_1fr] gap-x-3 gap-y-1.5 p-4 text-sm">
        <dt className="text-soft">Time (UTC)</dt>
        <dd>
          <Time at={created_at} />
        </dd>
        {event.generated && (
          <>
            <dt className="text-soft">Origin</dt>
            <dd>generated: an example, no connection changed</dd>
          </>
        )}
        <dt className="text-soft">Provider</dt>
        <dd>{provider ?? '–'}</dd>
        <Fact name="Person" value={reference_id} filter="reference_id" />
        <Fact name="user_id" value={user_id} filter="user_id" />
        <Fact name="Lineage" value={lineage_id} filter="lineage_id" />
        <dt className="text-soft">Trace id</dt>
        <dd className="font-mono text-xs leading-5 break-all">{id}</dd>
      </dl>
    </Card>
  )
}

/** A fact that leads to all events which share it. */
function Fact(props: {
  readonly name: string
  readonly value: string | null
  readonly filter: string
}) {
  const { name, value, filter } = props
  return (
    <>
      <dt className="text-soft">{name}</dt>
      <dd className="font-mono text-xs leading-5 break-all">
        {value === null ? (
          '–'
        ) : (
          <Link
            className="underline decoration-line underline-offset-4 hover:decoration-accent"
            href={`/history?${new URLSearchParams({ [filter]: value }).toString()}`}
          >
            {value}
          </Link>
        )}
      </dd>
    </>
  )
}
