import { z } from '@hono/zod-openapi'
import { toTimestamp } from '../../../core/time.ts'
import { disconnectUser } from '../../../operations/disconnect-user.ts'
import { userNotFound } from '../../../operations/not-found.ts'
import { findUnconfirmed, isWanted, listUnconfirmed } from '../../../operations/read-unconfirmed.ts'
import { writeAudit } from '../../../operations/write-audit.ts'
import type { Tables } from '../../../store/open.ts'
import { PAGE_QUERY, listOf, toPage } from '../../page.ts'
import { defineRoute } from '../../route.ts'
import {
  ADMIN_USER,
  USER_FILTER,
  USER_STATE,
  toAdminUser,
  toFilter,
  toUnconfirmedUser,
} from './schemas.ts'

/** Ids that one connection had; more than anybody reconnects. */
const ALIASES_MAX = 100
/** Newest events of a connection that its timeline shows; its data is in the history. */
const TIMELINE_MAX = 100

export const listUsers = defineRoute({
  paths: ['/admin/v1/users'],
  methods: ['get'],
  summary: 'Users by any of their ids, person, provider, state and time, newest connection first',
  query: z.object({
    ...PAGE_QUERY,
    ...USER_FILTER,
    state: USER_STATE.optional(),
    include_deleted: z.enum(['true', 'false'], { error: 'must be true or false' }).optional(),
  }),
  answer: listOf(ADMIN_USER),
  async handle(deps, environment, { query }) {
    const { limit, after, include_deleted, state, ...rest } = query
    if (state === 'unconfirmed') {
      const found = await listUnconfirmed(deps, environment, { limit: limit + 1, after })
      const page = toPage(
        found,
        limit,
        ({ flow }) => flow.id,
        (one) => one,
      )
      const wanted = page.data.filter((one) => isWanted(one, toFilter(rest)))
      return { json: { ...page, data: wanted.map(toUnconfirmedUser) } }
    }
    const filter = { ...rest, state }
    const users = await deps.store.connections.listBy(
      environment.id,
      { ...toFilter(filter), withDeleted: include_deleted === 'true' },
      { limit: limit + 1, after, isNewestFirst: true },
    )
    return { json: toPage(users, limit, ({ lineageId }) => lineageId, toAdminUser) }
  },
})

export const getUserRoute = defineRoute({
  paths: ['/admin/v1/users/:user_id'],
  methods: ['get'],
  summary: 'One user by any id that it has or had, with its former ids and what became of it',
  params: z.object({ user_id: z.string() }),
  answer: z.object({
    user: ADMIN_USER,
    aliases: z.array(
      z.object({ user_id: z.string(), created_at: z.string(), is_current: z.boolean() }),
    ),
    timeline: z.array(
      z.object({
        event_id: z.string(),
        type: z.string(),
        user_id: z.string().nullable(),
        created_at: z.string(),
      }),
    ),
  }),
  async handle(deps, environment, { params }) {
    const { store } = deps
    const connection = await store.connections.findByAlias(environment.id, params.user_id)
    if (connection === undefined) {
      const unconfirmed = await findUnconfirmed(deps, environment, params.user_id)
      if (unconfirmed === undefined) throw userNotFound(params.user_id)
      return { json: { user: toUnconfirmedUser(unconfirmed), aliases: [], timeline: [] } }
    }
    const { lineageId, state } = connection
    const aliases = await store.connections.listAliasTimes(lineageId, ALIASES_MAX)
    const events = await store.events.listOfConnection(environment.id, lineageId, TIMELINE_MAX)
    return {
      json: {
        user: toAdminUser(connection),
        aliases: aliases.map(({ userId, createdAtMs }) => ({
          user_id: userId,
          created_at: toTimestamp(createdAtMs),
          is_current: userId === state.user.userId,
        })),
        timeline: events.map(({ id, type, userId, createdAtMs }) => ({
          event_id: id,
          type,
          user_id: userId,
          created_at: toTimestamp(createdAtMs),
        })),
      },
    }
  },
})

export const deleteUser = defineRoute({
  paths: ['/admin/v1/users/:user_id'],
  methods: ['delete'],
  summary: 'Disconnect a user and revoke the access at the provider',
  params: z.object({ user_id: z.string() }),
  answer: z.object({ status: z.literal('success') }),
  async handle(deps, environment, { params, caller }) {
    const alongside = async (tx: Tables) =>
      await writeAudit(deps, tx, {
        environmentId: environment.id,
        actor: caller.actor,
        action: 'user.disconnect',
        subject: params.user_id,
        detail: {},
      })
    await disconnectUser({ ...deps, alongside }, environment, params.user_id)
    return { json: { status: 'success' } }
  },
})
