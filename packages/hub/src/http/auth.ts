import type { Context } from 'hono'
import { FirmaError } from '../errors.ts'
import { digest } from '../secret.ts'
import type { Environment } from '../store/environments.ts'
import type { StoreDep } from '../store/open.ts'

/**
 * The environment whose `dev-id` and `x-api-key` a request carries.
 *
 * @throws FirmaError `unauthorized` or the given refusal; an unknown `dev-id` and a wrong key look the same.
 */
export async function authenticate(
  { store }: StoreDep,
  c: Context,
  refusal: 'unauthorized' | 'forbidden' = 'unauthorized',
): Promise<Environment> {
  const devId = c.req.header('dev-id')
  const apiKey = c.req.header('x-api-key')
  if (devId === undefined || devId === '' || apiKey === undefined || apiKey === '') {
    throw new FirmaError(refusal, 'dev-id or x-api-key headers are missing')
  }
  const isLive = await store.apiKeys.isLive(devId, digest(apiKey))
  const environment = isLive ? await store.environments.find(devId) : undefined
  if (environment === undefined) {
    throw new FirmaError(
      refusal,
      'this dev-id and x-api-key do not belong together; copy both from the same environment',
    )
  }
  return environment
}
