// A Worker with PostgreSQL. A connection belongs to the request that opened it, so pool and receiver do, too.
import { createReceiver } from 'firma-receiver'
import { postgresStore } from 'firma-receiver/postgres'
import { Pool } from 'pg'

export default {
  async fetch(request, env, context) {
    const pool = new Pool({ connectionString: env.DATABASE_URL, max: 1 })
    const store = postgresStore({ pool, tablePrefix: env.TABLE_PREFIX })
    const receiver = createReceiver({ secrets: ['test-secret'], store })
    try {
      const { pathname, searchParams } = new URL(request.url)
      if (pathname === '/terra') return await receiver.fetch(request)
      return Response.json((await receiver.resolve(searchParams.get('user_id'))) ?? null)
    } finally {
      context.waitUntil(pool.end())
    }
  },
}
