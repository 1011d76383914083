import { useMemo, useState } from 'react'
import { Badge } from '../../components/badge.tsx'
import { Button } from '../../components/button.tsx'
import type { Column } from '../../components/data-table.tsx'
import { FilterForm } from '../../components/filter-form.tsx'
import { Card } from '../../components/page.tsx'
import { PagedTable } from '../../components/paged-table.tsx'
import { Empty } from '../../components/states.tsx'
import { Time } from '../../components/time.tsx'
import {
  MOVE_STATES,
  MOVE_USER_FILTERS,
  type Move,
  type MoveUser,
  useMoveUsers,
} from '../../hooks/use-moves.ts'
import { PAGE_ROWS } from '../../hooks/use-paged.ts'
import { useSearchFilter } from '../../hooks/use-search-filter.ts'
import { FRESH_PAGES_MAX } from '../../live/cache.ts'
import { useNews } from '../../live/use-news.tsx'
import { PersonLink } from './move-links.tsx'
import { MOVE_STATE_WORDS } from './move-status.tsx'

const STATE_FIELD = {
  name: 'state',
  label: 'State',
  kind: 'choice',
  any: 'All states',
  options: MOVE_STATES.map((value) => ({ value, text: MOVE_STATE_WORDS[value].text })),
} as const

/** Who is in a move, and what has become of each. */
export function MovePeople({ move }: { readonly move: Move }) {
  const [filter, setFilter] = useSearchFilter(MOVE_USER_FILTERS)
  const users = useMoveUsers(move, filter)
  const isLong = users.rows.length > FRESH_PAGES_MAX * PAGE_ROWS
  const news = useNews(
    users,
    ({ moves }) => ({ count: 0, isMore: isLong && moves.has(move.id) }),
    'states',
  )
  const [linked, setLinked] = useState<MoveUser>()
  const columns = useMemo(() => [...COLUMNS, linkColumn(move, setLinked)], [move])
  return (
    <div>
      <FilterForm
        label="Filter people"
        fields={[STATE_FIELD]}
        filter={filter}
        onChange={setFilter}
      />
      {news}
      <Card title="People">
        <PagedTable
          label="People"
          list={users}
          columns={columns}
          keyOf={({ lineage_id }) => lineage_id}
          hrefOf={({ user_id }) => `/users/${user_id}`}
          empty={
            filter.state === undefined ? (
              <Empty title="There is nobody to move">
                Nobody is connected to {move.from}. Whoever connects there later is taken up when
                you ask for newcomers.
              </Empty>
            ) : (
              <Empty title="Nobody is in that state">Try another one.</Empty>
            )
          }
        />
      </Card>
      {linked !== undefined && (
        <PersonLink moveId={move.id} user={linked} onClose={() => setLinked(undefined)} />
      )}
    </div>
  )
}

const COLUMNS: readonly Column<MoveUser>[] = [
  {
    name: 'Person',
    width: 'minmax(8rem, 1fr)',
    cell: ({ reference_id, user_id }) => reference_id ?? user_id.slice(0, 8),
  },
  {
    name: 'State',
    width: '7rem',
    cell: ({ state }) => (
      <Badge tone={MOVE_STATE_WORDS[state].tone}>{MOVE_STATE_WORDS[state].text}</Badge>
    ),
  },
  {
    name: 'Why',
    width: 'minmax(10rem, 2fr)',
    cell: (user) => <Why user={user} />,
  },
  {
    name: 'Link until (UTC)',
    width: '9rem',
    cell: ({ link_expires_at }) => <Time at={link_expires_at} />,
  },
  { name: 'Changed (UTC)', width: '9rem', cell: ({ updated_at }) => <Time at={updated_at} /> },
]

/** Two lines of it; the rest is in the title, and on the person's own page. */
function Why({ user: { detail, attempts } }: { readonly user: MoveUser }) {
  if (detail === null) return <span className="text-soft">–</span>
  const text = attempts > 1 ? `${detail} (${attempts} attempts)` : detail
  return (
    <span className="line-clamp-2 whitespace-normal" title={text}>
      {text}
    </span>
  )
}

function linkColumn({ status, kind }: Move, onLink: (user: MoveUser) => void): Column<MoveUser> {
  const states: readonly MoveUser['state'][] =
    kind === 'exchange' ? ['failed'] : ['to_do', 'linked', 'failed']
  return {
    name: 'Link',
    width: '6rem',
    cell: (user) =>
      status === 'running' && states.includes(user.state) ? (
        <Button
          aria-label={`Make a link for ${user.reference_id ?? user.user_id}`}
          onClick={() => onLink(user)}
        >
          Link …
        </Button>
      ) : (
        <span className="text-soft">–</span>
      ),
  }
}
