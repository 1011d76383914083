import type { OpenAPIHono } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import { SECOND_MS } from '../core/time.ts'
import { receiveNotice } from '../operations/receive-notice.ts'
import type { AppDeps } from './app-deps.ts'

/** Largest notice of a provider, in bytes. */
export const NOTICE_BODY_BYTES_MAX = 1_048_576

/** Where providers send their notices to. */
export function mountNotices(app: OpenAPIHono, deps: AppDeps): void {
  const limit = bodyLimit({ maxSize: NOTICE_BODY_BYTES_MAX })
  app.on(['GET', 'POST'], '/notices/:environment/:provider/:key', limit, async (c) => {
    const { environment, provider, key } = c.req.param()
    const reply = await receiveNotice(deps, {
      environmentId: environment,
      provider,
      key,
      method: c.req.method,
      url: new URL(c.req.url),
      headers: c.req.raw.headers,
      body: new Uint8Array(await c.req.arrayBuffer()),
    })
    const { status, body = null, retryAfterMs } = reply
    const headers = new Headers()
    if (retryAfterMs !== undefined) {
      headers.set('retry-after', String(Math.max(1, Math.ceil(retryAfterMs / SECOND_MS))))
    }
    return new Response(body, { status, headers })
  })
}
