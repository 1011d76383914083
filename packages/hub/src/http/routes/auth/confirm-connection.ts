import { z } from '@hono/zod-openapi'
import { toWireUser } from '../../../core/event-body.ts'
import { confirmConnection } from '../../../operations/confirm-connection.ts'
import { defineRoute } from '../../route.ts'
import { REFERENCE_ID, TEXT, WIRE_USER } from '../../schemas.ts'

/** Longer than any code of ours. */
const CODE_LENGTH_MAX = 200

export const confirmConnectionRoute = defineRoute({
  paths: ['/v2/auth/confirmConnection', '/api/v2/auth/confirmConnection'],
  methods: ['post'],
  hasEffectsOutside: true,
  summary: 'Confirm, for the person who is logged in to the app, that it was them who connected',
  errors: [
    'confirm_code_unknown',
    'confirm_code_used',
    'confirm_code_expired',
    'other_end_user',
    'connection_refused',
  ],
  body: z.object({
    /** From the address that the browser came back with; good for five minutes, and once. */
    confirm_code: TEXT.min(1).max(CODE_LENGTH_MAX),
    /** Of the person in whose session the address was opened, never from the address itself. */
    reference_id: REFERENCE_ID.min(1),
  }),
  answer: z.object({
    status: z.literal('success'),
    user: WIRE_USER,
    /** What the account at the provider is known by, masked: for the person to see which one it was. */
    account_label: z.string().nullable(),
  }),
  async handle(deps, environment, { body, caller }) {
    const { state, accountLabel } = await confirmConnection(deps, environment, {
      confirmCode: body.confirm_code,
      referenceId: body.reference_id,
      actor: caller.actor,
    })
    const user = toWireUser(state.user, state.status === 'active')
    return { json: { status: 'success', user, account_label: accountLabel } }
  },
})
