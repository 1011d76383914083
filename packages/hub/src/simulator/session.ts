/** Who is logged in at a simulated provider: any name is an account, no password is asked. */
import type { Context } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import type { RandomDep } from '../deps.ts'
import type { Account } from './profile.ts'
import type { World } from './world.ts'

/** Characters of a login at most. */
export const LOGIN_CHARS_MAX = 64

/** Browsers that are remembered; the oldest go first. */
const SESSIONS_MAX = 10_000

/** Days a browser stays logged in. */
const SESSION_SECONDS = 30 * 86_400

/** The logged-in browsers of one simulated provider. */
export class Sessions {
  readonly #deps: RandomDep
  readonly #world: World
  readonly #accounts = new Map<string, Account>()

  constructor(deps: RandomDep, world: World) {
    this.#deps = deps
    this.#world = world
  }

  /** The account a browser is logged in to. */
  find(context: Context): Account | undefined {
    return this.#accounts.get(getCookie(context, this.#cookieName()) ?? '')
  }

  /**
   * Logs a browser in.
   *
   * @returns False when the login is empty or longer than {@link LOGIN_CHARS_MAX}.
   */
  start(context: Context, login: string): boolean {
    const name = login.trim()
    if (name === '' || name.length > LOGIN_CHARS_MAX) return false
    const id = Buffer.from(this.#deps.random.bytes(32)).toString('base64url')
    this.#accounts.set(id, this.#world.openAccount(name))
    for (const oldest of this.#accounts.keys()) {
      if (this.#accounts.size <= SESSIONS_MAX) break
      this.#accounts.delete(oldest)
    }
    this.#setCookie(context, id, SESSION_SECONDS)
    return true
  }

  /** Logs a browser out. */
  end(context: Context): void {
    this.#accounts.delete(getCookie(context, this.#cookieName()) ?? '')
    this.#setCookie(context, '', 0)
  }

  #setCookie(context: Context, value: string, maxAge: number): void {
    // Lax keeps other sites from posting the consent form on a person's behalf.
    setCookie(context, this.#cookieName(), value, {
      httpOnly: true,
      sameSite: 'Lax',
      path: '/',
      maxAge,
    })
  }

  #cookieName(): string {
    return `firma_sim_${this.#world.profile.provider.resource.toLowerCase()}`
  }
}
