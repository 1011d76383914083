import { z } from '@hono/zod-openapi'
import { DATA_EVENT_TYPES } from '../../../core/event-body.ts'
import { announceData } from '../../../operations/announce-data.ts'
import { getDestination } from '../../../operations/destinations.ts'
import { EXAMPLES } from '../../../operations/examples.ts'
import { generateExample, previewExample } from '../../../operations/generate-example.ts'
import { FirmaError } from '../../../errors.ts'
import { defineRoute } from '../../route.ts'
import { REFERENCE_ID, TEXT } from '../../schemas.ts'

const ID_LENGTH_MAX = 200
const ID = TEXT.max(ID_LENGTH_MAX)
const NAMES = EXAMPLES.map(({ name }) => name)

export const generateEvent = defineRoute({
  paths: ['/admin/v1/events/generate'],
  methods: ['post'],
  summary: 'Announce data of a user as if its provider had sent it, or an example of any event',
  body: z.object({
    type: z
      .enum(DATA_EVENT_TYPES, {
        error: `must be one of ${DATA_EVENT_TYPES.join(', ')}; for every other event name an "example"`,
      })
      .optional(),
    example: z.enum(NAMES, { error: 'must be a name of GET /admin/v1/events/examples' }).optional(),
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
    const { type, example: name, user_id: userId, destination_id: destinationId = null } = body
    if (name === undefined) {
      const eventId = await announceData(deps, environment, ...toData(type, userId, body))
      return { json: { status: 'success', event_id: eventId } }
    }
    if (type !== undefined)
      throw new FirmaError('bad_request', 'give "type" or "example", not both')
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
function toData(
  type: (typeof DATA_EVENT_TYPES)[number] | undefined,
  userId: string | undefined,
  body: { data?: unknown; destination_id?: string | undefined; preview?: boolean | undefined },
): [string, { type: (typeof DATA_EVENT_TYPES)[number]; data: unknown }] {
  if (type === undefined) throw new FirmaError('bad_request', 'name a "type" or an "example"')
  if (userId === undefined) {
    throw new FirmaError(
      'bad_request',
      'user_id is missing; name the user that the data belongs to',
    )
  }
  if (body.preview === true || body.destination_id !== undefined) {
    const message = `"preview" and "destination_id" are for examples; send "example": "${type}" in place of "type"`
    throw new FirmaError('bad_request', message)
  }
  return [userId, { type, data: body.data ?? [] }]
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
