import { z } from '@hono/zod-openapi'
import { assert } from '../../../errors.ts'
import {
  type EncryptionState,
  readEncryption,
  rotateEncryption,
} from '../../../operations/rotate-keys.ts'
import { defineGlobalRoute } from '../../route.ts'

const STATE = z.object({
  primary_key: z.string(),
  keys: z.array(z.object({ id: z.string(), values: z.number(), removable: z.boolean() })),
  unknown_values: z.number(),
  next_key: z
    .object({ id: z.string(), processes_without: z.number() })
    .nullable()
    .describe('A key that seals as soon as all processes have it; null when the first one seals.'),
})

export const getEncryption = defineGlobalRoute({
  paths: ['/admin/v1/encryption'],
  methods: ['get'],
  global: 'operator',
  summary: 'Which encryption key has sealed how many values: how far a rotation is',
  answer: STATE,
  async handle(deps) {
    return { json: toWire(await readEncryption(deps)) }
  },
})

export const rotateEncryptionRoute = defineGlobalRoute({
  paths: ['/admin/v1/encryption/rotate'],
  methods: ['post'],
  hasEffectsOutside: true,
  global: 'operator',
  summary: 'Make a new encryption key, and let everything be sealed anew with it',
  answer: STATE,
  errors: ['conflict'],
  async handle(deps, { caller }) {
    assert(caller !== undefined, 'a route of operators has a caller')
    return { json: toWire(await rotateEncryption(deps, caller.actor)) }
  },
})

function toWire({ primaryId, keys, unknown, next }: EncryptionState): z.output<typeof STATE> {
  return {
    primary_key: primaryId,
    keys: keys.map(({ id, values, isRemovable }) => ({ id, values, removable: isRemovable })),
    unknown_values: unknown,
    next_key: next && { id: next.id, processes_without: next.processesWithout },
  }
}
