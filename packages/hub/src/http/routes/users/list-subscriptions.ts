import { z } from '@hono/zod-openapi'
import { listAllUsers, listUsersOf, listUsersPage } from '../../../operations/read-users.ts'
import { defineRoute } from '../../route.ts'
import { WIRE_USER, wholeNumber } from '../../schemas.ts'

/** Users on a page where the request does not say: Terra's. */
const PER_PAGE = 500
const PER_PAGE_MAX = 5_000
/** Far beyond every environment; keeps the offset a number that databases take. */
const PAGE_MAX = 1_000_000_000

export const listSubscriptions = defineRoute({
  paths: ['/v2/subscriptions', '/api/v2/subscriptions'],
  methods: ['get'],
  summary: 'All users of the environment, whole or in pages',
  query: z.object({
    page: wholeNumber(0, PAGE_MAX).optional(),
    per_page: wholeNumber(1, PER_PAGE_MAX).optional(),
    /** Terra's help speaks of it, and its reference does not. */
    reference_id: z.string().optional(),
  }),
  answer: z.union([
    z.object({ status: z.literal('success'), users: z.array(WIRE_USER) }),
    z.object({
      status: z.literal('success'),
      data: z.object({
        next: z.number().nullable(),
        max_page: z.number(),
        results: z.array(WIRE_USER),
      }),
    }),
  ]),
  async handle(deps, environment, { query }) {
    const { page, per_page: perPage = PER_PAGE, reference_id: referenceId } = query
    const own = referenceId ? await listUsersOf(deps, environment, referenceId) : undefined
    if (page === undefined) {
      const users = own ?? (await listAllUsers(deps, environment))
      return { json: { status: 'success', users } }
    }
    const { users, pages } =
      own === undefined
        ? await listUsersPage(deps, environment, page, perPage)
        : cutPage(own, page, perPage)
    const maxPage = Math.max(0, pages - 1)
    const next = page < maxPage ? page + 1 : null
    return { json: { status: 'success', data: { next, max_page: maxPage, results: users } } }
  },
})

/** A page of a list that is read whole. */
function cutPage<T>(all: readonly T[], page: number, perPage: number) {
  const users = all.slice(page * perPage, (page + 1) * perPage)
  return { users, pages: Math.ceil(all.length / perPage) }
}
