/** `/v2/proxy/{user_id}/…`: the provider's own API, with a token of the hub's. */
import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { FirmaError } from '../errors.ts'
import { callProviderFor } from '../operations/proxy-call.ts'
import type { AppDeps } from './app-deps.ts'
import { enter, refuseMethod } from './mount.ts'

/** Bytes of a request body at most. */
export const PROXY_REQUEST_BYTES_MAX = 10_485_760
/** A body up to this size is kept, so that it can be sent again after a 401. */
const KEPT_BYTES_MAX = 1_048_576

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

export function mountProxy(app: OpenAPIHono, deps: AppDeps): void {
  const path = '/v2/proxy/:user_id/*'
  app.on(METHODS, path, async (c) => {
    const { environment } = await enter(deps, c, { scope: 'connect' })
    const userId = c.req.param('user_id') ?? ''
    const url = new URL(c.req.url)
    const answer = await callProviderFor(deps, environment, userId, {
      method: c.req.method,
      host: c.req.header('firma-api-host') ?? null,
      path: url.pathname.split('/').slice(4).join('/').replace(/^/, '/'),
      query: url.search,
      headers: c.req.raw.headers,
      body: await readBody(c),
    })
    return answer
  })
  app.all(path, (c) => refuseMethod(c, METHODS))
}

async function readBody(c: Context) {
  const { body } = c.req.raw
  if (body === null || c.req.method === 'GET' || c.req.method === 'HEAD') return null
  const length = Number(c.req.header('content-length') ?? Number.NaN)
  if (length > PROXY_REQUEST_BYTES_MAX) throw tooLarge()
  if (length <= KEPT_BYTES_MAX) return new Uint8Array(await c.req.arrayBuffer())
  let bytes = 0
  return body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.byteLength
        if (bytes > PROXY_REQUEST_BYTES_MAX) controller.error(tooLarge())
        else controller.enqueue(chunk)
      },
    }),
  )
}

function tooLarge(): FirmaError {
  return new FirmaError(
    'body_too_large',
    `the body is larger than ${PROXY_REQUEST_BYTES_MAX} bytes, which is the most the proxy takes`,
  )
}
