import { describe, expect, it } from 'vitest'
import { readConfig } from './config.ts'
import { FirmaError } from './errors.ts'

describe('readConfig', () => {
  it('has defaults that reach no network but this machine', () => {
    expect(readConfig({}, {})).toEqual({
      port: 4_000,
      host: '127.0.0.1',
      dataFolder: 'data',
      databaseUrl: undefined,
      logLevel: 'warn',
    })
  })

  it('reads the variables', () => {
    const variables = {
      FIRMA_PORT: '8080',
      FIRMA_HOST: '0.0.0.0',
      FIRMA_DATA: '/var/lib/firma',
      FIRMA_LOG_LEVEL: 'debug',
      UNRELATED: 'x',
    }
    expect(readConfig({}, variables)).toEqual({
      port: 8_080,
      host: '0.0.0.0',
      dataFolder: '/var/lib/firma',
      databaseUrl: undefined,
      logLevel: 'debug',
    })
  })

  it('takes a PostgreSQL address, and shows nothing of a wrong one', () => {
    const url = 'postgres://firma:hunter2@db.example:5432/firma'
    const read = (text: string) => readConfig({}, { DATABASE_URL: text }).databaseUrl
    expect(read(url)?.reveal()).toBe(url)
    for (const wrong of ['hunter2', 'mysql://a:hunter2@b/c', 'postgres://a:hunter2@b']) {
      expect(() => read(wrong)).toThrow(
        'DATABASE_URL (its value is not shown) must be postgres://user:password@host:port/database',
      )
    }
  })

  it('lets a flag win over its variable', () => {
    const flags = { port: '1', host: 'a', data: 'b', logLevel: 'error' }
    const variables = {
      FIRMA_PORT: '2',
      FIRMA_HOST: 'c',
      FIRMA_DATA: 'd',
      FIRMA_LOG_LEVEL: 'info',
    }
    expect(readConfig(flags, variables)).toEqual({
      port: 1,
      host: 'a',
      dataFolder: 'b',
      logLevel: 'error',
    })
  })

  it('takes a variable that is set to nothing for one that is not set', () => {
    const variables = { FIRMA_PORT: '', FIRMA_HOST: '', FIRMA_DATA: '', FIRMA_LOG_LEVEL: '' }
    expect(readConfig({}, variables)).toEqual(readConfig({}, {}))
  })

  it.each(['0', '1', '65533', '04000'])('accepts the port %s', (port) => {
    expect(readConfig({ port }, {}).port).toBe(Number(port))
  })

  it.each(['65534', '70000', '-1', '1.5', '1e3', '0x10', 'http', '', ' ', 'NaN', '4000 '])(
    'refuses the port %j and says what is allowed',
    (port) => {
      expect(() => readConfig({ port }, {})).toThrow(
        `--port (FIRMA_PORT) is "${port}"; it must be a port number from 0 to 65533`,
      )
    },
  )

  it.each([
    [{ logLevel: 'loud' }, '--log-level (FIRMA_LOG_LEVEL) is "loud"; it must be one of debug,'],
    [{ host: '' }, '--host (FIRMA_HOST) is ""; it must not be empty'],
    [{ data: '' }, '--data (FIRMA_DATA) is ""; it must not be empty'],
  ])('refuses %j', (flags, message) => {
    expect(() => readConfig(flags, {})).toThrow(message)
  })

  it('names the variable where a variable is wrong', () => {
    const read = () => readConfig({}, { FIRMA_LOG_LEVEL: 'loud' })
    expect(read).toThrow(FirmaError)
    expect(read).toThrow('(FIRMA_LOG_LEVEL) is "loud"')
  })
})
