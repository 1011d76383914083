/** The settings of `firma receive`: what `--help` shows, `config.ts` reads and docs/receive.md lists. */

export interface Setting {
  /** What it does, in a few words. */
  readonly says: string
  /** Where it is not given; `undefined` for none. */
  readonly fallback?: string
  /** Its value is never printed, and may come from a file: the name with `_FILE` names it. */
  readonly isSecret?: true
}

/** Begins the name of every setting. */
export const PREFIX = 'FIRMA_RECEIVE_'

export const SETTINGS = {
  FIRMA_RECEIVE_SIGNING_SECRETS: {
    says: 'secrets that events are signed with: secret,secret or [environment]secret,…; in a file one per line (required)',
    isSecret: true,
  },
  FIRMA_RECEIVE_PORT: { says: 'port to listen on; 0 takes any free one', fallback: '4100' },
  FIRMA_RECEIVE_HOST: {
    says: 'address to listen on; 0.0.0.0 for all of them, as in a container',
    fallback: '127.0.0.1',
  },
  FIRMA_RECEIVE_DATABASE: {
    says: 'path of an SQLite file, or postgres://user:password@host/database',
    fallback: 'data/receiver.sqlite',
    isSecret: true,
  },
  FIRMA_RECEIVE_TABLE_PREFIX: { says: 'begins the names of all tables', fallback: 'firma_' },
  FIRMA_RECEIVE_TOLERANCE_SECONDS: {
    says: "how far a signature's time may be from ours, or off for any time",
    fallback: '300',
  },
  FIRMA_RECEIVE_API_KEY: {
    says: 'bearer key of the lookup API, at least 16 characters; without it the API is closed',
    isSecret: true,
  },
  FIRMA_RECEIVE_FORWARD_URL: { says: 'address of your app that events are handed to; none: keep' },
  FIRMA_RECEIVE_FORWARD_SECRET: {
    says: 'signs what is handed to your app; required with FORWARD_URL',
    isSecret: true,
  },
  FIRMA_RECEIVE_FORWARD_TIMEOUT_MS: {
    says: 'for one call of your app, from 100 to 50000',
    fallback: '10000',
  },
  FIRMA_RECEIVE_FORWARD_CONCURRENCY: {
    says: 'calls of your app at once, from 1 to 256',
    fallback: '16',
  },
  FIRMA_RECEIVE_RECONCILE_URL: {
    says: 'the API to repair from, with its version: https://api.tryterra.co/v2',
  },
  FIRMA_RECEIVE_RECOVER_URL: {
    says: 'a hub to fetch missed events from, with its version: https://hub.example/admin/v1',
  },
  FIRMA_RECEIVE_RECOVER_DESTINATION: {
    says: "id of the hub's destination whose secret is among the signing secrets; the oldest of the environment when absent",
  },
  FIRMA_RECEIVE_RECONCILE_DEV_ID: { says: 'dev-id at this API' },
  FIRMA_RECEIVE_RECONCILE_API_KEY: { says: 'x-api-key at this API', isSecret: true },
  FIRMA_RECEIVE_RECONCILE_ENVIRONMENT: {
    says: 'whose users it has; required when the signing secrets name several environments',
  },
  FIRMA_RECEIVE_RECONCILE_EVERY_SECONDS: {
    says: 'pause between repairs, at least 60, or off: only when asked to',
    fallback: '3600',
  },
  FIRMA_RECEIVE_RETENTION_DAYS: {
    says: 'days after which handled events are deleted, at least 7, or off: never; parked and dead ones stay, and so does the map',
    fallback: '30',
  },
  FIRMA_RECEIVE_LOG_LEVEL: {
    says: 'debug, info, warn, error or silent; JSON lines on standard error',
    fallback: 'warn',
  },
} as const satisfies Record<string, Setting>

/** Name of a setting. */
export type SettingName = keyof typeof SETTINGS

/** The settings by name, without their exact types. */
export const SETTING_LIST: readonly (readonly [SettingName, Setting])[] = Object.entries(
  SETTINGS,
) as [SettingName, Setting][]

/** What `firma receive --help` adds. */
export function toHelp(): string {
  const lines = SETTING_LIST.map(([name, { says, fallback }]) => {
    const end = fallback === undefined ? '' : ` (default ${fallback})`
    return `  ${name}\n      ${says}${end}`
  })
  const files = SETTING_LIST.filter(([, { isSecret }]) => isSecret === true).map(
    ([name]) => `  ${name}_FILE`,
  )
  return `
Settings are environment variables:
${lines.join('\n')}

Secrets can be read from files:
${files.join('\n')}

Examples:
  FIRMA_RECEIVE_SIGNING_SECRETS=whsec_abc firma receive
  FIRMA_RECEIVE_SIGNING_SECRETS='[live]abc,[staging]def' FIRMA_RECEIVE_DATABASE=postgres://app@db/app firma receive
  FIRMA_RECEIVE_SIGNING_SECRETS_FILE=/run/secrets/terra firma receive`
}
