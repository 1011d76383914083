/** Moves of people from a provider that ends to its successor. */
import { z } from '@hono/zod-openapi'
import { toTimestamp } from '../../../core/time.ts'
import { countMove } from '../../../operations/count-moves.ts'
import {
  type MoveAction,
  changeMove,
  getMove,
  makeMoveLinks,
  planMove,
  startMove,
} from '../../../operations/provider-moves.ts'
import { PAGE_QUERY, encodeCursor, listOf, pageQuery, toPage } from '../../page.ts'
import { defineRoute } from '../../route.ts'
import { TEXT } from '../../schemas.ts'
import {
  MOVE,
  MOVE_ID,
  MOVE_PLAN,
  MOVE_USER,
  MOVE_USER_STATE,
  toWireMove,
  toWireMoveUser,
} from './schemas.ts'

/** A pace at which no provider has been seen to complain. */
const PER_MINUTE = 60
const PER_MINUTE_MAX = 6_000
/** Mail is read late; a link that lies around for longer is a risk. */
const LINK_DAYS = 14
const LINK_DAYS_MAX = 60
const LINKS_MAX = 100

export const startMoveRoute = defineRoute({
  paths: ['/admin/v1/moves'],
  methods: ['post'],
  summary:
    'Start moving everybody from a provider that ends to its successor, or see what it would do',
  body: z.object({
    from: TEXT,
    per_minute: z.int().min(1).max(PER_MINUTE_MAX).default(PER_MINUTE),
    dry_run: z.boolean().default(false),
  }),
  answer: z.object({ plan: MOVE_PLAN, move: z.union([MOVE, z.null()]) }),
  errors: ['resource_unknown', 'conflict'],
  async handle(deps, environment, { body, caller }) {
    const from = body.from.toUpperCase()
    const found = await planMove(deps, environment, from)
    const plan = {
      from: found.from,
      to: found.to,
      kind: found.kind,
      total: found.total,
      with_reference_id: found.withReference,
      connected_already: found.there,
      obstacles: [...found.obstacles],
    }
    if (body.dry_run) return { json: { plan, move: null } }
    const request = { from, perMinute: body.per_minute, actor: caller.actor }
    const { id } = await startMove(deps, environment, request)
    return { json: { plan, move: toWireMove(await getMove(deps, environment, id)) } }
  },
})

export const listMoves = defineRoute({
  paths: ['/admin/v1/moves'],
  methods: ['get'],
  summary: 'Moves to successors of providers and how far they are, newest first',
  query: z.object(PAGE_QUERY),
  answer: listOf(MOVE),
  async handle(deps, environment, { query: { limit, after } }) {
    const { moves: table } = deps.store
    const found = await table.list(environment.id, { limit: limit + 1, before: after })
    const moves = await Promise.all(
      found.map(async (move) => ({ ...move, progress: await countMove(deps, move) })),
    )
    return { json: toPage(moves, limit, ({ id }) => id, toWireMove) }
  },
})

export const getMoveRoute = defineRoute({
  paths: ['/admin/v1/moves/:move_id'],
  methods: ['get'],
  summary: 'A move and how far it is',
  params: MOVE_ID,
  answer: MOVE,
  async handle(deps, environment, { params }) {
    return { json: toWireMove(await getMove(deps, environment, params.move_id)) }
  },
})

export const listMoveUsers = defineRoute({
  paths: ['/admin/v1/moves/:move_id/users'],
  methods: ['get'],
  summary: 'The connections of a move: who has arrived, who has not, what failed and why',
  params: MOVE_ID,
  query: z.object({ ...PAGE_QUERY, state: MOVE_USER_STATE.optional() }),
  answer: listOf(MOVE_USER),
  async handle(deps, environment, { params, query: { limit, after, state } }) {
    const { id } = await getMove(deps, environment, params.move_id)
    const states = state === undefined ? undefined : [state]
    const found = await deps.store.moveUsers.list(id, { limit: limit + 1, after, states })
    return { json: toPage(found, limit, ({ lineageId }) => lineageId, toWireMoveUser) }
  },
})

const LINK = MOVE_USER.pick({ user_id: true, reference_id: true }).extend({
  url: z.string(),
  expires_at: z.string(),
})

export const makeLinks = defineRoute({
  paths: ['/admin/v1/moves/:move_id/links'],
  methods: ['post'],
  summary: 'Make a link for each person who has not moved and has none, a page at a time',
  params: MOVE_ID,
  body: z.object({
    ...pageQuery(z.string()),
    limit: z.int().min(1).max(LINKS_MAX).default(LINKS_MAX),
    user_id: TEXT.optional(),
    reference_id: TEXT.optional(),
    renew: z.boolean().default(false),
    days: z.int().min(1).max(LINK_DAYS_MAX).default(LINK_DAYS),
    language: TEXT.nullish(),
    auth_success_redirect_url: TEXT.nullish(),
    auth_failure_redirect_url: TEXT.nullish(),
  }),
  answer: listOf(LINK),
  errors: ['conflict', 'redirect_url_refused'],
  async handle(deps, environment, { params, body, caller }) {
    const made = await makeMoveLinks(
      deps,
      { environment, id: params.move_id },
      {
        limit: body.limit,
        after: body.after,
        userId: body.user_id,
        referenceId: body.reference_id,
        isRenewal: body.renew,
        days: body.days,
        language: body.language ?? null,
        successUrl: body.auth_success_redirect_url ?? null,
        failureUrl: body.auth_failure_redirect_url ?? null,
        actor: caller.actor,
      },
    )
    return {
      json: {
        data: made.links.map(({ user, url, expiresAtMs }) => ({
          user_id: user.userId,
          reference_id: user.referenceId,
          url,
          expires_at: toTimestamp(expiresAtMs),
        })),
        next: made.after === undefined ? null : encodeCursor(made.after),
      },
    }
  },
})

export const pauseMove = defineAction('pause', 'Pause a move: no exchanges, and links do not open')
export const resumeMove = defineAction('resume', 'Go on with a paused move')
export const endMove = defineAction('end', 'End a move; whoever has not moved stays where they are')
export const retryMove = defineAction('retry', 'Try every exchange that has failed again, now')

function defineAction(action: MoveAction, summary: string) {
  return defineRoute({
    paths: [`/admin/v1/moves/:move_id/${action}`],
    methods: ['post'],
    errors: ['conflict'],
    summary,
    params: MOVE_ID,
    answer: MOVE,
    async handle(deps, environment, { params, caller }) {
      const id = params.move_id
      await changeMove(deps, { environment, id, actor: caller.actor }, action)
      return { json: toWireMove(await getMove(deps, environment, id)) }
    },
  })
}
