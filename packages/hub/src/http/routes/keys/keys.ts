import { z } from '@hono/zod-openapi'
import { DAY_MS, SECOND_MS } from '../../../core/time.ts'
import { FirmaError } from '../../../errors.ts'
import { createApiKey, revokeApiKey, rotateApiKey } from '../../../operations/api-keys.ts'
import { PAGE_QUERY, listOf, toPage } from '../../page.ts'
import { defineRoute } from '../../route.ts'
import { TEXT } from '../../schemas.ts'
import { API_KEY, NEW_API_KEY, SCOPE, toWireKey } from './schemas.ts'

const NAME_LENGTH_MAX = 100
const LIFETIME_DAYS_MAX = 3_650
const GRACE_SECONDS_MAX = (30 * DAY_MS) / SECOND_MS
const GRACE_SECONDS = DAY_MS / SECOND_MS

export const listKeys = defineRoute({
  paths: ['/admin/v1/keys'],
  methods: ['get'],
  scope: 'operator',
  summary: 'API keys of this environment and of operators, newest first; never the keys themselves',
  query: z.object(PAGE_QUERY),
  answer: listOf(API_KEY),
  async handle({ store }, environment, { query: { limit, after } }) {
    const keys = await store.apiKeys.list(environment.id, { limit: limit + 1, after })
    return { json: toPage(keys, limit, ({ id }) => id, toWireKey) }
  },
})

export const createKey = defineRoute({
  paths: ['/admin/v1/keys'],
  methods: ['post'],
  scope: 'operator',
  summary: 'Make an API key; it is in this answer and nowhere else',
  body: z.object({
    name: TEXT.min(1).max(NAME_LENGTH_MAX),
    scopes: z.array(SCOPE).min(1).max(4).optional(),
    expires_in_days: z.number().int().min(1).max(LIFETIME_DAYS_MAX).nullish(),
  }),
  answer: NEW_API_KEY,
  answerStatus: 201,
  async handle(deps, environment, { body, caller }) {
    const { name, scopes, expires_in_days: days } = body
    const isOperators = scopes?.includes('operator') ?? false
    if (isOperators && scopes?.length !== 1) {
      throw new FirmaError('bad_request', 'the scope operator has all others in it; send it alone')
    }
    const { secret, apiKey } = await createApiKey(deps, caller.actor, {
      environmentId: isOperators ? null : environment.id,
      name,
      ...(scopes !== undefined && { scopes: [...new Set(scopes)] }),
      expiresAtMs: days ? deps.clock.nowMs() + days * DAY_MS : null,
    })
    return { json: { key: toWireKey(apiKey), api_key: secret } }
  },
})

export const deleteKey = defineRoute({
  paths: ['/admin/v1/keys/:key_id'],
  methods: ['delete'],
  scope: 'operator',
  summary: 'End an API key at once',
  params: z.object({ key_id: z.string() }),
  answer: z.object({ status: z.literal('success') }),
  async handle(deps, environment, { params, caller }) {
    const key = { environmentId: environment.id, keyId: params.key_id }
    await revokeApiKey(deps, caller.actor, key)
    return { json: { status: 'success' } }
  },
})

export const rotateKey = defineRoute({
  paths: ['/admin/v1/keys/:key_id/rotate'],
  methods: ['post'],
  scope: 'operator',
  summary: 'Make a key like this one, which ends after a while; by default a day',
  params: z.object({ key_id: z.string() }),
  body: z.object({ grace_seconds: z.number().int().min(0).max(GRACE_SECONDS_MAX).optional() }),
  answer: NEW_API_KEY,
  answerStatus: 201,
  async handle(deps, environment, { params, body, caller }) {
    const { secret, apiKey } = await rotateApiKey(deps, caller.actor, {
      environmentId: environment.id,
      keyId: params.key_id,
      graceMs: (body.grace_seconds ?? GRACE_SECONDS) * SECOND_MS,
    })
    return { json: { key: toWireKey(apiKey), api_key: secret } }
  },
})
