/** Where a provider that ends turns its grants into those of its successor. */
import type { Hono } from 'hono'
import type { SimulatedProvider } from './context.ts'
import { readSignedToken } from './oauth1-routes.ts'
import { simulatedPath } from './profile.ts'
import { afterFault, answerFault, toTokenBody } from './token-routes.ts'
import type { App } from './grant.ts'

/** Adds the endpoint where the provider's data has one. */
export function addExchangeRoutes(
  app: Hono,
  simulated: SimulatedProvider,
  find: (resource: string) => SimulatedProvider | undefined,
): void {
  const { successor } = simulated.profile.provider
  const to = find(successor?.resource ?? '')
  if (successor?.exchange === undefined || to === undefined) return
  const { method, url } = successor.exchange
  app.on(method, simulatedPath(url), async (context) => {
    const fault = await simulated.faults.take('exchangeEndpoint')
    const refusal = answerFault(context, simulated, fault)
    if (refusal !== undefined) return refusal
    const grant = simulated.world.findByAccessToken(readSignedToken(context, simulated) ?? '')
    const client = grant === undefined ? undefined : findConverted(to, grant.app)
    // The developer portal has not converted the app, or the token is none.
    if (grant === undefined || client === undefined) return context.json({ error: 'refused' }, 401)
    const issued = to.world.adopt(client, grant)
    return afterFault(fault, context.json(toTokenBody(to, issued, fault)))
  })
}

/** The app's registration at the successor: under the same id, or else by its name. */
function findConverted(to: SimulatedProvider, app: App): App | undefined {
  const { apps } = to.world
  return apps.get(app.clientId) ?? [...apps.values()].findLast(({ name }) => name === app.name)
}
