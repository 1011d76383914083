import { z } from '@hono/zod-openapi'
import { readEncryption } from '../../../operations/rotate-keys.ts'
import { defineGlobalRoute } from '../../route.ts'

export const getEncryption = defineGlobalRoute({
  paths: ['/admin/v1/encryption'],
  methods: ['get'],
  global: 'operator',
  summary: 'Which encryption key has sealed how many values: how far a rotation is',
  answer: z.object({
    primary_key: z.string(),
    keys: z.array(z.object({ id: z.string(), values: z.number(), removable: z.boolean() })),
    unknown_values: z.number(),
  }),
  async handle(deps) {
    const { primaryId, keys, unknown } = await readEncryption(deps)
    return {
      json: {
        primary_key: primaryId,
        keys: keys.map(({ id, values, isRemovable }) => ({ id, values, removable: isRemovable })),
        unknown_values: unknown,
      },
    }
  },
})
