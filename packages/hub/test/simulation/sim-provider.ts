/** A provider of few words: token answers after a while, or none, as chance has it. */
import type { FetchDep } from '../../src/deps.ts'
import type { Chance } from '../support/seeded.ts'
import type { SimTime } from './sim-time.ts'

/** Grants codes of the form `code of <account>`. */
export function createSimProvider(time: SimTime, chance: Chance): FetchDep['fetch'] {
  return async (input, init) => {
    const request = new Request(input, init)
    const parameters = new URLSearchParams(await request.text())
    await new Promise<void>((resolve) => void time.timer.after(chance.integer(1, 4_000), resolve))
    const luck = chance.fraction()
    if (luck < 0.05) throw new TypeError('fetch failed')
    if (luck < 0.1) return Response.json({ error: 'server_error' }, { status: 500 })
    if (luck < 0.13) return Response.json({ error: 'invalid_grant' }, { status: 400 })
    if (!new URL(request.url).pathname.endsWith('/token'))
      return new Response(null, { status: 200 })
    return Response.json({
      access_token: `access ${chance.integer(0, 1e9)}`,
      refresh_token: `refresh ${chance.integer(0, 1e9)}`,
      expires_in: 28_800,
      token_type: 'Bearer',
      scope: 'activity sleep',
      user_id: (parameters.get('code') ?? 'code of nobody').replace('code of ', ''),
    })
  }
}
