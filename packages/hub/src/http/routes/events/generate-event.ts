import { z } from '@hono/zod-openapi'
import { DATA_EVENT_TYPES } from '../../../core/event-body.ts'
import { suggest } from '../../../core/nearest.ts'
import { announceData } from '../../../operations/announce-data.ts'
import { getDestination } from '../../../operations/destinations.ts'
import { EXAMPLES } from '../../../operations/examples.ts'
import { generateExample, previewExample } from '../../../operations/generate-example.ts'
import { FirmaError } from '../../../errors.ts'
import { defineRoute } from '../../route.ts'
import { REFERENCE_ID, TEXT } from '../../schemas.ts'

const ID_LENGTH_MAX = 200
const ID = TEXT.max(ID_LENGTH_MAX)
const DATA_TYPE = z.enum(DATA_EVENT_TYPES)
const NAMES = EXAMPLES.map(({ name }) => name)
const NAME = z.enum(NAMES, {
  error: ({ input }) =>
    `must be a name of GET /admin/v1/events/examples${typeof input === 'string' ? suggest(input.slice(0, 100), NAMES) : ''}`,
})

export const generateEvent = defineRoute({
  paths: ['/admin/v1/events/generate'],
  methods: ['post'],
  summary:
    'Announce data of a user as if its provider had sent it, or an example of any event or story',
  body: z.object({
    type: NAME.optional().openapi({
      description:
        'Data of the user_id, if it is a kind of data and nothing says that it is an example; else the same as "example".',
    }),
    example: NAME.optional(),
    user_id: ID.optional(),
    new_user_id: ID.optional(),
    reference_id: REFERENCE_ID.optional(),
    provider: ID.optional(),
    data: z.unknown().optional(),
    destination_id: z.string().optional(),
    preview: z.boolean().optional(),
  }),
  answer: z.object({
    status: z.literal('success'),
    event_id: z.string().nullable(),
    events: z
      .array(z.object({ id: z.string().nullable(), type: z.string(), body: z.string() }))
      .optional(),
  }),
  answerStatus: 201,
  errors: ['destination_not_found', 'user_not_found'],
  async handle(deps, environment, { body, caller }) {
    const { type, user_id: userId, destination_id: destinationId = null } = body
    if (type !== undefined && body.example !== undefined) {
      throw new FirmaError('bad_request', 'give "type" or "example", not both')
    }
    const isExample = body.preview === true || destinationId !== null
    if (DATA_TYPE.safeParse(type).success && !isExample) {
      const data = { type: DATA_TYPE.parse(type), data: body.data ?? [] }
      const eventId = await announceData(deps, environment, requireUser(userId), data)
      return { json: { status: 'success', event_id: eventId } }
    }
    const name = body.example ?? type
    if (name === undefined) throw new FirmaError('bad_request', 'name a "type" or an "example"')
    const options = {
      userId,
      newUserId: body.new_user_id,
      referenceId: body.reference_id,
      provider: body.provider,
      data: body.data,
    }
    if (destinationId !== null) await getDestination(deps.store, environment, destinationId)
    const to = { destinationId, actor: caller.actor }
    const events =
      body.preview === true
        ? await previewExample(name, options)
        : await generateExample(deps, environment, { name, options }, to)
    return { json: { status: 'success', event_id: events[0]?.id ?? null, events } }
  },
})

/** Data of a connection goes the way of its provider's: to every destination, behind what came before. */
function requireUser(userId: string | undefined): string {
  if (userId !== undefined) return userId
  throw new FirmaError(
    'bad_request',
    'user_id is missing; name the user that the data belongs to, or write "example" in place of "type"',
  )
}

export const listExamples = defineRoute({
  paths: ['/admin/v1/events/examples'],
  methods: ['get'],
  summary: 'Names of the events and stories that can be generated',
  answer: z.object({
    data: z.array(z.object({ name: z.string(), kind: z.enum(['event', 'story']) })),
  }),
  async handle() {
    return { json: { data: EXAMPLES } }
  },
})
