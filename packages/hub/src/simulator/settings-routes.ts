/** The page where people see and remove the apps that they have connected. */
import type { Context, Hono } from 'hono'
import { FirmaError } from '../errors.ts'
import { logIn, reload } from './authorize-routes.ts'
import { changePermissions, removeApp, type SimulatedProvider } from './context.ts'
import { errorPage, loginPage, settingsPage } from './pages.ts'
import { type Account, settingsPath } from './profile.ts'

/** Adds the settings page of a simulated provider. */
export function addSettingsRoutes(app: Hono, simulated: SimulatedProvider): void {
  const { profile, sessions, world } = simulated
  const path = settingsPath(profile)
  app.get(path, async (context) => {
    const account = sessions.find(context)
    if (account === undefined) return await context.html(loginPage(profile))
    const grants = world.listGrants(account.accountId)
    return await context.html(settingsPage(profile, { login: account.login, grants }))
  })
  app.post(path, async (context) => {
    const form = await context.req.formData()
    const login = form.get('login')
    if (typeof login === 'string') return await logIn(context, simulated, login)
    const account = sessions.find(context)
    if (account === undefined) return await context.html(loginPage(profile))
    try {
      return await act(context, simulated, { account, form })
    } catch (error) {
      if (!(error instanceof FirmaError)) throw error
      return await context.html(errorPage(profile, error.message), 400)
    }
  })
}

async function act(
  context: Context,
  simulated: SimulatedProvider,
  request: { account: Account; form: FormData },
): Promise<Response> {
  const { account, form } = request
  const { accountId } = account
  const action = form.get('action')
  if (action === 'logout') {
    simulated.sessions.end(context)
    return reload(context)
  }
  const field = form.get('client_id')
  const clientId = typeof field === 'string' ? field : ''
  if (action === 'remove') {
    await removeApp(simulated, { clientId, accountId })
  } else if (action === 'permissions') {
    const scopes = form.getAll('scope').filter((scope) => typeof scope === 'string')
    await changePermissions(simulated, { clientId, accountId, scopes })
  } else {
    throw new FirmaError('bad_request', 'action must be remove, permissions or logout')
  }
  return reload(context)
}
