import { z } from '@hono/zod-openapi'
import {
  GRACE_HOURS,
  GRACE_HOURS_MAX,
  addEd25519Key,
  rotateSecret,
} from '../../../operations/destinations.ts'
import { defineRoute } from '../../route.ts'
import { wholeNumber } from '../../schemas.ts'
import { DESTINATION_ID } from './schemas.ts'

export const addSecret = defineRoute({
  paths: ['/admin/v1/destinations/:destination_id/secrets'],
  methods: ['post'],
  errors: ['conflict'],
  summary: 'Replace the signing secret, or give an Ed25519 key; both sign until the grace is over',
  params: DESTINATION_ID,
  body: z.object({
    kind: z.enum(['hmac', 'ed25519']).optional(),
    grace_hours: wholeNumber(0, GRACE_HOURS_MAX).optional(),
  }),
  answer: z.object({
    secret: z.string().optional(),
    public_key: z.string().optional(),
    key_id: z.string().optional(),
  }),
  answerStatus: 201,
  async handle(deps, environment, { params, body, caller }) {
    const subject = { environment, id: params.destination_id, actor: caller.actor }
    const graceHours = body.grace_hours ?? GRACE_HOURS
    if (body.kind === 'ed25519') {
      const { keyId, publicKey } = await addEd25519Key(deps, subject, graceHours)
      return { json: { public_key: publicKey, key_id: keyId } }
    }
    return { json: { secret: await rotateSecret(deps, subject, graceHours) } }
  },
})
