import { z } from '@hono/zod-openapi'
import { defineGlobalRoute } from '../../route.ts'

export const listPublicKeys = defineGlobalRoute({
  global: 'public',
  paths: ['/.well-known/jwks/:dev_id'],
  methods: ['get'],
  summary: 'The Ed25519 keys that sign the events of an environment, as a JWKS (RFC 7517)',
  params: z.object({ dev_id: z.string() }),
  answer: z.object({
    keys: z.array(
      z.object({
        kty: z.literal('OKP'),
        crv: z.literal('Ed25519'),
        use: z.literal('sig'),
        alg: z.literal('EdDSA'),
        kid: z.string(),
        x: z.string(),
      }),
    ),
  }),
  async handle({ store, clock }, { params }) {
    const keys = await store.signingKeys.listPublic(params.dev_id, clock.nowMs())
    return {
      headers: { 'cache-control': 'public, max-age=300' },
      json: {
        keys: keys.map(({ id, publicKey }) => ({
          kty: 'OKP',
          crv: 'Ed25519',
          use: 'sig',
          alg: 'EdDSA',
          kid: id,
          x: publicKey,
        })),
      },
    }
  },
})
