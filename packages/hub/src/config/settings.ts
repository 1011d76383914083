/** The settings of the hub: what is read, what `--help` and docs/configuration.md list. */
import { BlockList, isIP } from 'node:net'
import { z } from 'zod'
import { RATE_LIMITS, type RateLimits } from '../core/rate-limits.ts'
import { Redacted } from '../secret.ts'
import { parseKeys } from './keys.ts'

/** One setting with its names: a key in the configuration file, a variable, and for some a flag. */
export interface Setting {
  readonly variable: string
  readonly flag?: string
  /** What it does, in a few words. */
  readonly says: string
  /** Where it is not given, as documented; `undefined` for none. */
  readonly fallback?: string
  /** Its value is never printed, and may come from a file: the variable with `_FILE` names it. */
  readonly isSecret?: true
  readonly schema: z.ZodType
}

const PORT_ERROR = 'must be a port number from 0 to 65533'
const RATES_ERROR =
  'must be like perKey:6000,perAddress:300 with whole numbers from 1 to 1000000, or off'
const DAYS_ERROR = 'must be a whole number from 1 to 36500'
const THREADS_ERROR = 'must be a whole number from 0 to 16'
const PROXIES_ERROR = 'must be a whole number from 0 to 9'
const EMPTY_ERROR = 'must not be empty'
const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

/** Not z.coerce, which reads an empty text as 0: any free port. */
const PORT = z
  .preprocess(
    (value) => (typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value),
    z.int({ error: PORT_ERROR }).min(0, { error: PORT_ERROR }),
  )
  // The demo app and the simulated providers take the two after it.
  .refine((port) => port <= 65_533, { error: PORT_ERROR })

const TEXT = z.string({ error: 'must be a text' }).min(1, { error: EMPTY_ERROR })

const RATE = z
  .int({ error: RATES_ERROR })
  .min(1, { error: RATES_ERROR })
  .max(1_000_000, { error: RATES_ERROR })
  .optional()
const RATES = z
  .preprocess(
    splitRates,
    z.union(
      [
        z.literal('off'),
        z.strictObject({ perKey: RATE, perAddress: RATE }, { error: RATES_ERROR }),
      ],
      { error: RATES_ERROR },
    ),
  )
  .transform((rates): RateLimits | null => {
    if (rates === 'off') return null
    const { perKey = RATE_LIMITS.perKey, perAddress = RATE_LIMITS.perAddress } = rates
    return { perKey, perAddress }
  })

export const SETTINGS = {
  mode: {
    variable: 'FIRMA_MODE',
    flag: '--production',
    says: 'demo (simulated providers, a demo app, everything made by itself) or production (nothing is made up)',
    fallback: 'demo',
    schema: z.enum(['demo', 'production'], { error: 'must be demo or production' }),
  },
  port: {
    variable: 'FIRMA_PORT',
    flag: '--port',
    says: 'port of the hub; 0 takes any free one. The demo app and the simulated providers take the next two',
    fallback: '4000',
    schema: PORT,
  },
  host: {
    variable: 'FIRMA_HOST',
    flag: '--host',
    says: 'address to listen on; 0.0.0.0 for all of them, as in a container',
    fallback: '127.0.0.1',
    schema: TEXT,
  },
  data: {
    variable: 'FIRMA_DATA',
    flag: '--data',
    says: 'folder of the database and the keys; in the file it is relative to the file',
    fallback: 'data',
    schema: TEXT,
  },
  logLevel: {
    variable: 'FIRMA_LOG_LEVEL',
    flag: '--log-level',
    says: 'debug, info, warn, error or silent; JSON lines on standard error',
    fallback: 'warn',
    schema: z.enum(LEVELS, { error: `must be one of ${LEVELS.join(', ')}` }),
  },
  baseUrl: {
    variable: 'FIRMA_BASE_URL',
    flag: '--base-url',
    says: 'where people, apps and providers reach the hub, for example https://connect.example.com; needed in production',
    schema: TEXT.transform(toBaseUrl),
  },
  databaseUrl: {
    variable: 'DATABASE_URL',
    says: 'postgres://user:password@host:5432/database; without it, one SQLite file in the data folder',
    isSecret: true,
    schema: TEXT.transform(toDatabaseUrl),
  },
  encryptionKeys: {
    variable: 'FIRMA_ENCRYPTION_KEYS',
    says: 'what tokens and secrets are encrypted with: k1:<64 hexadecimal digits>, the newest first, or the JSON of a key file; without it, keys.json in the data folder',
    isSecret: true,
    schema: TEXT.transform((text, context) => {
      const keys = parseKeys(text)
      if (typeof keys === 'string') return refuse(context, keys)
      return new Redacted(keys)
    }),
  },
  proxies: {
    variable: 'FIRMA_PROXIES',
    says: 'how many proxies of yours are in front of the hub; rate limits and the log of traffic take the address that they tell',
    fallback: '0',
    schema: z.preprocess(
      (value) => (typeof value === 'string' && /^\d$/.test(value) ? Number(value) : value),
      z
        .int({ error: PROXIES_ERROR })
        .min(0, { error: PROXIES_ERROR })
        .max(9, { error: PROXIES_ERROR }),
    ),
  },
  rateLimits: {
    variable: 'FIRMA_RATE_LIMITS',
    says: 'requests in a minute, counted by each process: perKey of one key, perAddress of one address without a good key; or off, which leaves only logins limited',
    fallback: 'perKey:6000,perAddress:300',
    schema: RATES,
  },
  metrics: {
    variable: 'FIRMA_METRICS',
    says: "who may read /metrics: operator (with an operator's key) or loopback (also programs on this machine, without a key; never through a proxy)",
    fallback: 'operator',
    schema: z.enum(['operator', 'loopback'], { error: 'must be operator or loopback' }),
  },
  auditDays: {
    variable: 'FIRMA_AUDIT_DAYS',
    says: 'days that the audit log is kept',
    fallback: '400',
    schema: z.preprocess(
      (value) => (typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value),
      z.int({ error: DAYS_ERROR }).min(1, { error: DAYS_ERROR }).max(36_500, { error: DAYS_ERROR }),
    ),
  },
  senderThreads: {
    variable: 'FIRMA_SENDER_THREADS',
    says: 'threads that sign and send events, so that the main one need not; 0 leaves it to the main one',
    fallback: '1, or 0 on fewer than 3 processors',
    schema: z.preprocess(
      (value) => (typeof value === 'string' && /^\d{1,2}$/.test(value) ? Number(value) : value),
      z
        .int({ error: THREADS_ERROR })
        .min(0, { error: THREADS_ERROR })
        .max(16, { error: THREADS_ERROR }),
    ),
  },
  operatorKey: {
    variable: 'FIRMA_OPERATOR_KEY',
    says: 'key to the admin API in every environment, at least 24 characters; production adds it at the start',
    isSecret: true,
    schema: TEXT.min(24, { error: 'must have at least 24 characters' })
      .regex(/^[\x21-\x7E]+$/, { error: 'must be ASCII without spaces' })
      .transform((text) => new Redacted(text)),
  },
  allowedRanges: {
    variable: 'FIRMA_ALLOWED_RANGES',
    says: 'ranges of private addresses that events and calls to providers may go to, for example 10.20.0.0/16,fd00::/8; the demo allows this machine',
    fallback: 'none',
    schema: z
      .preprocess(splitList, z.array(z.string(), { error: 'must be a list of texts' }))
      .transform((ranges, context) => {
        const wrong = ranges.find((range) => !isRange(range))
        if (wrong === undefined) return ranges
        return refuse(context, `must be ranges like 10.20.0.0/16; "${wrong}" is none`)
      }),
  },
} as const satisfies Record<string, Setting>

export type SettingKey = keyof typeof SETTINGS

function refuse(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message })
  return z.NEVER
}

function splitList(value: unknown): unknown {
  if (typeof value !== 'string') return value
  return value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** `perKey:6000,perAddress:300`, as a variable has it. */
function splitRates(value: unknown): unknown {
  if (typeof value !== 'string' || value === 'off') return value
  const pairs = value.split(',').map((part) => part.trim().split(':'))
  if (pairs.some((pair) => pair.length !== 2 || !/^\d{1,7}$/.test(pair[1] ?? ''))) return value
  return Object.fromEntries(pairs.map(([name = '', count = '']) => [name, Number(count)]))
}

function isRange(range: string): boolean {
  const [address = '', prefix = ''] = range.split('/')
  const version = isIP(address)
  if (version === 0 || !/^\d{1,3}$/.test(prefix)) return false
  try {
    new BlockList().addSubnet(address, Number(prefix), version === 4 ? 'ipv4' : 'ipv6')
    return true
  } catch {
    // The prefix is longer than the address.
    return false
  }
}

function toBaseUrl(text: string, context: z.RefinementCtx): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    return refuse(context, 'must be an address like https://connect.example.com')
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '') {
    return refuse(context, 'must have nothing after host and port, and no user name')
  }
  return url.origin
}

function toDatabaseUrl(text: string, context: z.RefinementCtx): Redacted<string> {
  const url = URL.canParse(text) ? new URL(text) : undefined
  const isPostgres = /^postgres(?:ql)?:$/.test(url?.protocol ?? '')
  if (isPostgres && url?.host !== '' && (url?.pathname.length ?? 0) > 1) return new Redacted(text)
  return refuse(
    context,
    'must be postgres://user:password@host:5432/database, or not be set for SQLite in the data folder',
  )
}
