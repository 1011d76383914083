/** What apps subscribe to at a simulated provider, laid out as its data says. */
import type { Context, Hono } from 'hono'
import type { FetchDep } from '../deps.ts'
import { mergePatch } from '../providers/catalog-entry.ts'
import type { AppSubscriptionFacts } from '../providers/notices.ts'
import type { ProviderRequest } from '../providers/request.ts'
import { type AppSubscription, type SimulatedProvider, subscriptionsOf } from './context.ts'
import type { App } from './grant.ts'
import { simulatedPath } from './profile.ts'
import { readBasic, takeFault, toNested } from './token-routes.ts'

/** Milliseconds that an app has for saying that it wants a subscription: longer than real ones give, for busy machines. */
const VERIFICATION_TIMEOUT_MS = 15_000

type Act = (request: { context: Context; app: App; said: Said }) => Promise<Response> | Response

/** What a request says where the provider's data has a placeholder, by the placeholder's name. */
type Said = Readonly<Record<string, string>>

/** Adds the endpoints where apps subscribe, where the provider has such. */
export function addSubscriptionRoutes(
  hono: Hono,
  simulated: SimulatedProvider,
  { fetch }: FetchDep,
): void {
  const facts = simulated.profile.provider.appSubscriptions
  if (facts === undefined) return
  const { subscriptions } = simulated
  const on = (request: ProviderRequest, act: Act): void => {
    const path = simulatedPath(request.url).replace('%7BsubscriptionId%7D', ':subscriptionId')
    hono.on(request.method, path, async (context) => {
      const fault = await takeFault(context, simulated, 'subscriptionEndpoint')
      if (fault !== undefined) return fault
      const said = await readSaid(context, request)
      const app = simulated.world.apps.get(said['clientId'] ?? '')
      if (app === undefined || app.clientSecret !== said['clientSecret']) {
        return context.json({ message: 'Authorization Error' }, 401)
      }
      return await act({ context, app, said })
    })
  }
  const find = (app: App, context: Context): AppSubscription | undefined =>
    subscriptionsOf(simulated, app.clientId).find(
      ({ id }) => id === context.req.param('subscriptionId'),
    )
  on(facts.list, ({ context, app }) => {
    const items = subscriptionsOf(simulated, app.clientId).map((one) => toItem(facts, one))
    return context.json(
      facts.itemsPath === '' ? items : (toNested(facts.itemsPath, items) as object),
    )
  })
  on(facts.create, async ({ context, app, said }) => {
    const { noticeUrl = '', noticeKey = '', ...rest } = said
    const topic = Object.fromEntries(
      Object.keys(facts.topics).map((name) => [name, rest[name] ?? '']),
    )
    const present = subscriptionsOf(simulated, app.clientId)
    const isTaken = present.some(
      (one) => facts.isOnlyOne || JSON.stringify(one.topic) === JSON.stringify(topic),
    )
    const isRight = !isTaken && (await isWanted(fetch, simulated, { url: noticeUrl, noticeKey }))
    if (!isRight) return context.json({ message: 'Bad Request' }, 400)
    const id = String(Buffer.from(simulated.deps.random.bytes(4)).readUInt32BE())
    const one = {
      id,
      clientId: app.clientId,
      address: noticeUrl,
      topic,
      endsAtMs: endOf(simulated),
    }
    subscriptions.set(id, one)
    return context.json(toItem(facts, one), 201)
  })
  if (facts.renew !== undefined) {
    on(facts.renew, ({ context, app }) => {
      const one = find(app, context)
      if (one === undefined) return context.json({ message: 'Not Found' }, 404)
      const renewed = { ...one, endsAtMs: endOf(simulated) }
      subscriptions.set(one.id, renewed)
      return context.json(toItem(facts, renewed))
    })
  }
  on(facts.remove, ({ context, app }) => {
    const one = find(app, context)
    if (one === undefined) return context.json({ message: 'Not Found' }, 404)
    subscriptions.delete(one.id)
    return context.body(null, 204)
  })
}

function endOf({ profile, deps }: SimulatedProvider): number | null {
  const { appSubscriptionSeconds: lifeSeconds } = profile.provider.simulation
  return lifeSeconds === undefined ? null : deps.clock.nowMs() + lifeSeconds * 1000
}

/** Whether the app answers as the provider's handshake wants it. */
async function isWanted(
  fetch: FetchDep['fetch'],
  { profile, deps }: SimulatedProvider,
  { url, noticeKey }: { url: string; noticeKey: string },
): Promise<boolean> {
  const { notices } = profile.provider
  if (!URL.canParse(url)) return false
  if (notices.kind !== 'push' || notices.handshake.kind !== 'challenge') return true
  const { tokenParameter, challengeParameter, replyMember } = notices.handshake
  const challenge = Buffer.from(deps.random.bytes(12)).toString('hex')
  const asked = new URL(url)
  asked.searchParams.set(tokenParameter, noticeKey)
  asked.searchParams.set(challengeParameter, challenge)
  try {
    const signal = AbortSignal.timeout(VERIFICATION_TIMEOUT_MS)
    const response = await fetch(asked, { redirect: 'manual', signal })
    const json: unknown = await response.json()
    return response.status === 200 && Reflect.get(Object(json), replyMember) === challenge
  } catch {
    // Nobody there, or somebody who does not know what this is about.
    return false
  }
}

async function readSaid(context: Context, request: ProviderRequest): Promise<Said> {
  const said: Record<string, string> = {}
  const read = (template: string, value: string | null | undefined): void => {
    const name = /^\{([\w.]+)\}$/.exec(template)?.[1]
    if (name !== undefined && typeof value === 'string') said[name] = value
  }
  for (const [name, template] of new URL(request.url).searchParams) {
    read(template, context.req.query(name))
  }
  for (const [name, template] of Object.entries(request.headers)) {
    read(template, context.req.header(name))
  }
  const form = request.form === undefined ? undefined : await context.req.parseBody()
  const json: unknown = request.json === undefined ? undefined : await context.req.json()
  for (const [name, template] of Object.entries(request.form ?? request.json ?? {})) {
    const value: unknown = Reflect.get(Object(form ?? json), name)
    read(template, typeof value === 'string' ? value : undefined)
  }
  if (request.client === 'basic')
    Object.assign(said, readBasic(context.req.header('authorization')))
  return said
}

function toItem(facts: AppSubscriptionFacts, one: AppSubscription): object {
  const { idPath, addressPath, endsAtPath } = facts
  const members: [string, unknown][] = [
    [idPath, one.id],
    [addressPath, one.address],
    ...Object.entries(one.topic),
  ]
  if (endsAtPath !== undefined && one.endsAtMs !== null) {
    members.push([endsAtPath, new Date(one.endsAtMs).toISOString()])
  }
  return members
    .map(([path, value]) => toNested(path, value))
    .reduce<object>((merged, next) => mergePatch(merged, next) as object, {})
}
