/** Says in the words of the command line what the hub says in those of its API. */

/** Fields of requests, and what gives them here. */
const FLAGS: Readonly<Record<string, string>> = {
  account_policy: '--account-policy',
  auth_failure_redirect_url: '--failure-url',
  auth_success_redirect_url: '--success-url',
  client_id: '--client-id',
  client_secret: 'the client secret',
  concurrency: '--concurrency',
  confirmation: '--confirmation',
  created_since: '--created-since',
  created_until: '--created-until',
  days: '--days',
  destination_id: '--destination',
  dev_id: 'the dev-id',
  event_types: '--types',
  expires_in_days: '--expires-in-days',
  from: 'the provider',
  grace_hours: '--grace-hours',
  grace_seconds: '--grace-hours',
  headers: '--header',
  language: '--language',
  limit: '--limit',
  match_policy: '--match-policy',
  name: '--name',
  new_user_id: '--new-user',
  overrides: '--overrides',
  per_minute: '--per-minute',
  provider: '--provider',
  reason: '--reason',
  reference_id: '--reference',
  retries: '--retries',
  scopes: '--scope',
  secrets: '--secret-file',
  timeout_ms: '--timeout-ms',
  type: '--type',
  url: 'the address',
  user_id: '--user',
}

/** Calls of the API, and the commands that make them. */
const COMMANDS: readonly (readonly [call: RegExp, command: string])[] = [
  [/GET \/admin\/v1\/providers lists them/, 'firma providers list --all shows them'],
  [/with POST \/admin\/v1\/users\/disconnect/, 'with firma users disconnect --provider'],
  [/name of GET \/admin\/v1\/events\/examples/, 'name of firma trigger --list'],
  [/, or write "example" in place of "type"/, ''],
  [/; send "all": true if that is meant/, '; give --all if that is meant'],
]

/** @param text A refusal of the hub's. */
export function toCliWords(text: string): string {
  const [found] = COMMANDS.filter(([call]) => call.test(text))
  const said = found === undefined ? text : text.replace(...found)
  return said.replace(
    /^(?:body|query) parameter ([\w.]+):/,
    (whole: string, path: string) => toFlag(path) ?? whole,
  )
}

/** The innermost field that a flag gives. */
function toFlag(path: string): string | undefined {
  const [name] = path
    .split('.')
    .toReversed()
    .filter((part) => Object.hasOwn(FLAGS, part))
  return name === undefined ? undefined : `${FLAGS[name]}:`
}
