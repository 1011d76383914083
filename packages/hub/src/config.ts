/** The only reader of the environment's variables, beside `cli/receive/config.ts` for `firma receive`. Flags of the command win over them. */
import { z } from 'zod'
import { FirmaError } from './errors.ts'
import { Redacted } from './secret.ts'

const PORT_ERROR = 'must be a port number from 0 to 65533'
const EMPTY_ERROR = 'must not be empty'

const CONFIG = z.object({
  // Not z.coerce, which reads an empty text as 0: any free port.
  FIRMA_PORT: z
    .string()
    .regex(/^\d{1,5}$/, { error: PORT_ERROR })
    .transform(Number)
    // The demo app and the simulated providers take the two after it.
    .refine((port) => port <= 65_533, { error: PORT_ERROR })
    .default(4_000),
  FIRMA_HOST: z.string().min(1, { error: EMPTY_ERROR }).default('127.0.0.1'),
  FIRMA_DATA: z.string().min(1, { error: EMPTY_ERROR }).default('data'),
  DATABASE_URL: z
    .string()
    .refine(isPostgresUrl, {
      error:
        'must be postgres://user:password@host:port/database, or not be set for SQLite in the data folder',
    })
    .transform((url) => new Redacted(url))
    .optional(),
  FIRMA_LOG_LEVEL: z
    .enum(['debug', 'info', 'warn', 'error', 'silent'], {
      error: 'must be one of debug, info, warn, error, silent',
    })
    .default('warn'),
})

export interface Config {
  readonly port: number
  readonly host: string
  readonly dataFolder: string
  /** PostgreSQL, for any number of processes; undefined for SQLite in the data folder. */
  readonly databaseUrl: Redacted<string> | undefined
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** The flags of `firma start`; absent ones leave the variable or the default. */
export interface Flags {
  readonly port?: string | undefined
  readonly host?: string | undefined
  readonly data?: string | undefined
  readonly logLevel?: string | undefined
}

/** @throws FirmaError `configuration_invalid`, naming the setting, its value and what is allowed. */
export function readConfig(flags: Flags, variables: NodeJS.ProcessEnv = process.env): Config {
  // `FIRMA_PORT=` in an environment file is how one says "not set".
  const variable = (name: string): string | undefined => variables[name] || undefined
  const given = {
    FIRMA_PORT: flags.port ?? variable('FIRMA_PORT'),
    FIRMA_HOST: flags.host ?? variable('FIRMA_HOST'),
    FIRMA_DATA: flags.data ?? variable('FIRMA_DATA'),
    DATABASE_URL: variable('DATABASE_URL'),
    FIRMA_LOG_LEVEL: flags.logLevel ?? variable('FIRMA_LOG_LEVEL'),
  }
  const result = CONFIG.safeParse(given)
  if (!result.success) {
    const [issue] = result.error.issues
    const name = String(issue?.path[0])
    const value = given[name as keyof typeof given]
    const must = issue?.message ?? 'is not allowed'
    // It may hold a password.
    if (name === 'DATABASE_URL') {
      const what = `DATABASE_URL (its value is not shown) ${must}`
      throw new FirmaError('configuration_invalid', what)
    }
    throw new FirmaError(
      'configuration_invalid',
      `${FLAG_OF[name] ?? ''} (${name}) is "${value}"; it ${must}`,
    )
  }
  const { data } = result
  return {
    port: data.FIRMA_PORT,
    host: data.FIRMA_HOST,
    dataFolder: data.FIRMA_DATA,
    databaseUrl: data.DATABASE_URL,
    logLevel: data.FIRMA_LOG_LEVEL,
  }
}

function isPostgresUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, host, pathname } = new URL(text)
  return /^postgres(?:ql)?:$/.test(protocol) && host !== '' && pathname.length > 1
}

const FLAG_OF: Readonly<Record<string, string>> = {
  FIRMA_PORT: '--port',
  FIRMA_HOST: '--host',
  FIRMA_DATA: '--data',
  FIRMA_LOG_LEVEL: '--log-level',
}
