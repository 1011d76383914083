/** What the API's description says of the paths that answer with something else than JSON of ours. */
import { type OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi'
import { PROBLEM } from './describe.ts'

type Responses = RouteConfig['responses']

const SECURITY = [{ dev_id: [], api_key: [] }]
const TEXT = z.string()

const refusal = (description: string): Responses[string] => ({
  description,
  content: { 'application/problem+json': { schema: PROBLEM } },
})

const REFUSALS: Responses = {
  400: refusal('The request is not right.'),
  401: refusal('The credentials are not right.'),
  403: refusal('The credentials do not allow this.'),
  404: refusal('There is no such thing in this environment.'),
  429: refusal('Too many requests; Retry-After says when to ask again.'),
  500: refusal('Something went wrong in the hub; the message has the request id.'),
  503: refusal('The database is away, busy or full; Retry-After says when to ask again.'),
}

const STREAM_SAYS = `Server-sent events: \`event\` (an event was made), \`connection\` (how a connection stands now), \`delivery\` (a delivery
stands otherwise), \`gap\` (more happened than was taken; list the events) and \`cursor\`, whose id belongs to everything before it.
Topics add \`move\` and \`resend\`, each as the lists have it: how it stands when the stream begins, and again whenever that is otherwise.
The first id comes at once. A stream ends after 15 minutes, and a comment comes every 15 seconds.`

/** Describes the stream, the bodies of events and the proxy. */
export function describeRaw(app: OpenAPIHono): void {
  const register = (config: RouteConfig): void => app.openAPIRegistry.registerPath(config)
  register({
    method: 'get',
    path: '/admin/v1/stream',
    summary: 'What changes in an environment, as it happens',
    description: STREAM_SAYS,
    security: SECURITY,
    'x-scope': 'read',
    request: {
      query: z.object({
        dev_id: TEXT.optional().openapi({ description: 'For those who cannot send headers.' }),
        last_event_id: TEXT.optional().openapi({ description: 'As Last-Event-ID.' }),
        topics: TEXT.optional().openapi({
          description:
            'What else to tell of, separated by commas, at most 10: `moves`, `resends`, `move/<move_id>` (also when only one of its people stands otherwise) and `event/<event_id>` (its deliveries, however old it is).',
          example: 'resends,event/01900000-0000-7000-8000-000000000001',
        }),
      }),
      headers: z.object({
        'last-event-id': TEXT.optional().openapi({
          description: 'Goes on behind this id; without it, the stream begins now.',
        }),
      }),
    },
    responses: {
      200: { description: 'The stream.', content: { 'text/event-stream': { schema: TEXT } } },
      ...REFUSALS,
    },
  })
  register({
    method: 'get',
    path: '/admin/v1/events/{event_id}/body',
    summary: 'The exact bytes of an event, as they were signed and sent',
    security: SECURITY,
    'x-scope': 'read',
    request: { params: z.object({ event_id: TEXT }) },
    responses: {
      200: {
        description: 'The body.',
        content: { 'application/json': { schema: z.unknown() } },
      },
      ...REFUSALS,
    },
  })
  for (const method of ['get', 'post', 'put', 'patch', 'delete'] as const) {
    register(toProxyRoute(method))
  }
}

function toProxyRoute(method: 'get' | 'post' | 'put' | 'patch' | 'delete'): RouteConfig {
  const body = { content: { '*/*': { schema: TEXT } }, required: false }
  return {
    method,
    path: '/v2/proxy/{user_id}/{path}',
    summary: `${method.toUpperCase()} at the provider’s own API, with a token of the user`,
    description:
      'The path may have several segments. Method, query, body and answer go through as they are; the token never leaves the hub.',
    security: SECURITY,
    'x-scope': 'connect',
    request: {
      params: z.object({ user_id: TEXT, path: TEXT }),
      headers: z.object({
        'firma-api-host': TEXT.optional().openapi({
          description: 'Which of the provider’s hosts, where it has several.',
        }),
      }),
      ...(method !== 'get' && { body }),
    },
    responses: {
      default: {
        description: 'What the provider answers, with its status and body.',
        content: { '*/*': { schema: TEXT } },
      },
      ...REFUSALS,
      409: refusal('The user is not connected, or there is no token to use.'),
      413: refusal('The body is larger than 10 MB.'),
      502: refusal('The provider does not answer.'),
    },
  }
}
