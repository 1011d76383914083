import { Card, Page } from '../../components/page.tsx'
import { ProgressBar } from '../../components/progress-bar.tsx'
import { Failure, Loading } from '../../components/states.tsx'
import { Time } from '../../components/time.tsx'
import { toActorName, toCount } from '../../format.ts'
import { type Move, type MoveState, useMove } from '../../hooks/use-moves.ts'
import { MoveActions } from './move-actions.tsx'
import { MoveLinks } from './move-links.tsx'
import { MovePeople } from './move-people.tsx'
import { MOVE_STATE_WORDS, MoveStatus, partsOf } from './move-status.tsx'

export function MovePage({ id }: { readonly id: string }) {
  const { data, error, refetch } = useMove(id)
  return (
    <Page
      title={data === undefined ? 'Move' : `${data.from} → ${data.to}`}
      about={
        data?.kind === 'exchange'
          ? 'The hub turns the tokens into new ones; nobody has to do anything.'
          : 'Everybody agrees once more, by a link of their own.'
      }
      doc={data?.kind === 'exchange' ? 'moving-garmin-to-oauth2' : 'moving-fitbit-to-google-health'}
      back={{ href: '/moves', label: 'Moves' }}
      actions={data !== undefined && <MoveActions move={data} />}
    >
      {error !== null && <Failure error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null && <Loading />}
      {data !== undefined && (
        <div className="space-y-4">
          <Progress move={data} />
          <MoveLinks move={data} />
          <MovePeople move={data} />
        </div>
      )}
    </Page>
  )
}

const SWATCHES: Readonly<Record<MoveState, string>> = {
  connected: 'bg-good',
  failed: 'bg-bad',
  linked: 'bg-warn',
  to_do: 'bg-line',
  gone: 'border border-edge',
}

function Progress({ move }: { readonly move: Move }) {
  const { progress, status, kind, per_minute, actor, created_at, ended_at } = move
  const total = progress.total - progress.gone
  const rate = total === 0 ? 0 : Math.floor((progress.connected / total) * 100)
  return (
    <Card title="How far it is" actions={<MoveStatus status={status} />}>
      <div className="space-y-4 p-4">
        <p className="flex flex-wrap items-baseline gap-x-3">
          <span className="text-3xl font-semibold tracking-tight tabular-nums">{rate} %</span>
          <span className="text-sm text-soft">
            {toCount(progress.connected)} of {toCount(total)} have moved
          </span>
        </p>
        <ProgressBar total={total} parts={partsOf(progress)} />
        <dl className="grid grid-cols-2 gap-3 sm:grid-cols-5">
          {Object.entries(SWATCHES).map(([state, swatch]) => (
            <div key={state}>
              <dt className="flex items-center gap-1.5 text-xs text-soft">
                <span aria-hidden="true" className={`size-2 rounded-full ${swatch}`} />
                {MOVE_STATE_WORDS[state as MoveState].text}
              </dt>
              <dd className="text-lg font-semibold tabular-nums">
                {toCount(progress[state as MoveState])}
              </dd>
            </div>
          ))}
        </dl>
        <p className="text-sm text-soft">
          Begun <Time at={created_at} /> by {toActorName(actor)}
          {kind === 'exchange' && ` · at most ${toCount(per_minute)} exchanges in a minute`}
          {ended_at !== null && (
            <>
              {' '}
              · ended <Time at={ended_at} />
            </>
          )}
        </p>
      </div>
    </Card>
  )
}
