/** The pages of the simulated providers: HTML from the server, no JavaScript, one accent each. */
import { html } from 'hono/html'
import type { HtmlEscapedString } from 'hono/utils/html'
import { type Profile, isSwitchable, settingsPath } from './profile.ts'
import { LOGIN_CHARS_MAX } from './session.ts'
import type { App, Grant } from './grant.ts'

/** A rendered page or part of one. */
export type Html = HtmlEscapedString | Promise<HtmlEscapedString>

const STYLE = `
:root { color-scheme: light dark; --accent: #37474f; --brand: var(--accent); --ink: #1c2126; --soft: #56606a; --line: #d5dade; --edge: #7d8790; --page: #f1f3f5; --paper: #fff; --warn: #fdecea; --focus: #1c2126 }
@media (prefers-color-scheme: dark) { :root { --brand: #e8ebee; --ink: #e8ebee; --soft: #aab4bd; --line: #3d464e; --edge: #8b96a0; --page: #14181b; --paper: #1f2529; --warn: #4a1d1a; --focus: #ffd166 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
.banner { background: #1c2126; color: #fff; text-align: center; font-size: .875rem; padding: .375rem 1rem }
main { background: var(--paper); max-width: 30rem; margin: 2rem auto; padding: 2rem; border-top: .375rem solid var(--accent); border-radius: .5rem; box-shadow: 0 1px 3px #0003 }
@media (max-width: 34rem) { main { margin: 0; border-radius: 0; padding: 1.5rem 1rem; min-height: 100vh } }
h1 { font-size: 1.375rem; line-height: 1.3; margin: 0 0 1rem; overflow-wrap: anywhere }
h2 { font-size: 1.0625rem; margin: 0 0 .25rem; overflow-wrap: anywhere }
.brand { color: var(--brand); font-weight: 700; margin: 0 0 .25rem }
.soft { color: var(--soft); font-size: .9375rem; overflow-wrap: anywhere }
fieldset { border: 1px solid var(--line); border-radius: .375rem; margin: 1rem 0; padding: .25rem 1rem }
legend { font-weight: 600; padding: 0 .375rem }
.choice { display: flex; gap: .75rem; align-items: center; min-height: 2.75rem; border-top: 1px solid var(--line) }
.choice:first-of-type { border-top: 0 }
.choice input { width: 1.25rem; height: 1.25rem; accent-color: var(--accent); flex: none }
input[type=text] { display: block; width: 100%; font: inherit; padding: .625rem .75rem; margin: .25rem 0 1rem; border: 1px solid var(--edge); border-radius: .375rem; background: var(--paper); color: var(--ink) }
button { font: inherit; font-weight: 600; min-height: 2.75rem; padding: .5rem 1.25rem; border-radius: .375rem; border: 1px solid var(--edge); background: var(--paper); color: var(--brand); cursor: pointer }
button.main { background: var(--accent); color: #fff }
button.plain { border: 0; padding: 0; background: none; text-decoration: underline; font-weight: 400; min-height: 1.5rem }
:is(button, input, a):focus-visible { outline: 3px solid var(--focus); outline-offset: 2px }
.row { display: flex; flex-wrap: wrap; gap: .75rem }
.row button { flex: 1 1 8rem }
.alert { border-left: .25rem solid #b3261e; background: var(--warn); padding: .5rem .75rem }
section { border-top: 1px solid var(--line); padding: 1rem 0 }
a { color: var(--brand) }
`

/** The login page. Any name will do. */
export function loginPage(profile: Profile, options: { alert?: string } = {}): Html {
  const { displayName } = profile.provider
  return page(
    { title: `Log in to ${displayName}`, profile },
    html`<h1>Log in</h1>
      ${alertBox(options.alert)}
      <form method="post">
        <label for="login">User name</label>
        <input
          id="login"
          name="login"
          type="text"
          required
          autofocus
          maxlength="${LOGIN_CHARS_MAX}"
          autocomplete="username"
          autocapitalize="none"
          spellcheck="false"
        />
        <div class="row"><button class="main">Log in</button></div>
      </form>
      <p class="soft">Any name works and becomes an account here. There is no password.</p>`,
  )
}

/** The consent page. */
export function consentPage(
  profile: Profile,
  options: { app: App; login: string; scopes: readonly string[]; alert?: string },
): Html {
  const { displayName } = profile.provider
  return page(
    { title: `Connect ${options.app.name} to ${displayName}`, profile },
    html`<h1>${options.app.name} wants to access your ${displayName} data</h1>
      ${alertBox(options.alert)}
      <form method="post">
        <fieldset>
          <legend>Share with ${options.app.name}</legend>
          ${options.scopes.map((scope) => choice(scope, true))}
        </fieldset>
        <div class="row">
          <button class="main" name="decision" value="allow">Allow</button>
          <button name="decision" value="deny">Deny</button>
        </div>
      </form>
      <form method="post">
        <p class="soft">
          Logged in as ${options.login}.
          <button class="plain" name="action" value="logout">Use another account</button>
        </p>
      </form>`,
  )
}

/** The page with the apps that are connected to an account. */
export function settingsPage(
  profile: Profile,
  options: { login: string; grants: readonly Grant[] },
): Html {
  const { displayName } = profile.provider
  return page(
    { title: `Connected apps - ${displayName}`, profile },
    html`<h1>Apps connected to your account</h1>
      ${
        options.grants.length === 0
          ? html`<p>No app is connected.</p>`
          : options.grants.map((grant) => grantSection(profile, grant))
      }
      <form method="post">
        <p class="soft">
          Logged in as ${options.login}.
          <button class="plain" name="action" value="logout">Log out</button>
        </p>
      </form>`,
  )
}

/** A page that ends a request that cannot go on. */
export function errorPage(profile: Profile, message: string): Html {
  return page(
    { title: `Error - ${profile.provider.displayName}`, profile },
    html`<h1>This request cannot be completed</h1>
      <p class="alert" role="alert">${message}</p>`,
  )
}

/** The list of simulated providers. */
export function indexPage(entries: readonly { profile: Profile; apps: readonly App[] }[]): Html {
  return page(
    { title: 'Simulated providers' },
    html`<h1>Simulated providers</h1>
      <p>
        Real OAuth servers that behave like the providers they stand for, with accounts that exist
        only here.
      </p>
      ${entries.map(
        ({ profile, apps }) =>
          html`<section>
            <h2>${profile.provider.displayName}</h2>
            <p class="soft">
              Registered apps: ${apps.map((app) => app.name).join(', ') || 'none yet'}
            </p>
            <a href="${settingsPath(profile)}">
              Apps connected to your ${profile.provider.displayName} account
            </a>
          </section>`,
      )}`,
  )
}

function grantSection(profile: Profile, grant: Grant): Html {
  const { app, scopes } = grant
  const canSwitch = isSwitchable(profile)
  return html`<section>
    <h2>${app.name}</h2>
    <form method="post">
      <input type="hidden" name="client_id" value="${app.clientId}" />
      ${
        canSwitch
          ? html`<fieldset>
              <legend>Permissions</legend>
              ${profile.provider.scopes.known.map((scope) => choice(scope, scopes.includes(scope)))}
            </fieldset>`
          : html`<p class="soft">Has access to: ${scopes.map(describeScope).join(', ')}</p>`
      }
      <div class="row">
        ${
          canSwitch
            ? html`<button class="main" name="action" value="permissions">Save</button>`
            : ''
        }
        <button name="action" value="remove">Remove ${app.name}</button>
      </div>
    </form>
  </section>`
}

function choice(scope: string, isChecked: boolean): Html {
  return html`<label class="choice">
    <input type="checkbox" name="scope" value="${scope}" ${isChecked ? 'checked' : ''} />
    <span>${describeScope(scope)}</span>
  </label>`
}

function alertBox(message: string | undefined): Html | '' {
  return message === undefined ? '' : html`<p class="alert" role="alert">${message}</p>`
}

/** `HEALTH_EXPORT` → `Health export`. */
function describeScope(scope: string): string {
  const words = scope.replaceAll(/[_:.-]+/g, ' ').toLowerCase()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

function page(options: { title: string; profile?: Profile }, content: Html): Html {
  const { title, profile } = options
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title} (simulated)</title>
        <style>
          ${STYLE} ${profile === undefined ? '' : `:root { --accent: ${profile.provider.simulation.accent} }`}
        </style>
      </head>
      <body>
        <p class="banner" style="margin:0">Simulated provider: no real account, no real data</p>
        <main>
          ${profile === undefined ? '' : html`<p class="brand">${profile.provider.displayName}</p>`}
          ${content}
        </main>
      </body>
    </html>`
}
