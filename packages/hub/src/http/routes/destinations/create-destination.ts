import { z } from '@hono/zod-openapi'
import { getDestination } from '../../../operations/destinations.ts'
import { addDestination } from '../../../operations/set-up.ts'
import { defineRoute } from '../../route.ts'
import { DESTINATION, DESTINATION_URL, SETTINGS, toChange, toWireDestination } from './schemas.ts'

export const createDestination = defineRoute({
  paths: ['/admin/v1/destinations'],
  methods: ['post'],
  summary: 'Add a destination; its signing secret is shown this once',
  body: z.object({ url: DESTINATION_URL, ...SETTINGS }),
  answer: DESTINATION.extend({ secret: z.string() }),
  answerStatus: 201,
  async handle(deps, environment, { body, caller }) {
    const { url } = body
    const added = { ...toChange(body), url, environmentId: environment.id, actor: caller.actor }
    const { id, secret } = await addDestination(deps, added)
    const destination = await getDestination(deps.store, environment, id)
    return { json: { ...(await toWireDestination(deps, destination)), secret } }
  },
})
