import { z } from '@hono/zod-openapi'
import { listAllUsers, listUsersPage } from '../../../operations/read-users.ts'
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
    if (query.page === undefined) {
      return { json: { status: 'success', users: await listAllUsers(deps, environment) } }
    }
    const perPage = query.per_page ?? PER_PAGE
    const { users, pages } = await listUsersPage(deps, environment, query.page, perPage)
    const maxPage = Math.max(0, pages - 1)
    const next = query.page < maxPage ? query.page + 1 : null
    return { json: { status: 'success', data: { next, max_page: maxPage, results: users } } }
  },
})
