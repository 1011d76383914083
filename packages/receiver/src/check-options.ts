/**
 * What a compiler would have told, for those who have none: a wrong option fails where it is given, and says what belongs there, instead of at the first event.
 */

type Unknown = Readonly<Record<string, unknown>>

const STORES =
  "memoryStore(), sqliteStore({ path }) of 'firma-receiver/sqlite' or postgresStore({ pool }) of 'firma-receiver/postgres'"
const ORDERS: readonly unknown[] = ['user', 'lineage']

/**
 * Checks the shape of what `createReceiver` is given.
 *
 * @throws TypeError that names the option, what was expected and what was found.
 */
export function checkOptions(options: unknown): void {
  if (!isObject(options)) {
    throw new TypeError(
      `createReceiver needs { secrets, store }, found ${describe(options)}; for example createReceiver({ secrets: ` +
        '[process.env.TERRA_WEBHOOK_SECRET], store: memoryStore() })',
    )
  }
  const { secrets, store, onEvent, order } = options
  if (!Array.isArray(secrets)) {
    throw new TypeError(
      `secrets must be a list of signing secrets, found ${describe(secrets)}; for example secrets: [process.env.TERRA_WEBHOOK_SECRET]`,
    )
  }
  checkStore(store)
  if (onEvent !== undefined) checkFunction('onEvent', onEvent)
  if (order !== undefined && order !== null && !ORDERS.includes(order)) {
    throw new TypeError(`order must be 'user' or 'lineage', found ${describe(order)}`)
  }
}

function checkStore(store: unknown): void {
  if (hasMethod(store, 'transaction')) return
  const hint = typeof store === 'function' ? '; call it' : ''
  throw new TypeError(`store must be ${STORES}; found ${describe(store)}${hint}`)
}

/**
 * Checks what an adapter is given.
 *
 * @throws TypeError
 */
export function checkReceiver(receiver: unknown, adapter: string): void {
  if (hasMethod(receiver, 'receive')) return
  throw new TypeError(
    `${adapter} needs a receiver, found ${describe(receiver)}; make one with createReceiver({ secrets, store })`,
  )
}

/**
 * What somebody is looked up by: a number as its text, and `undefined` for what an app's own request left out, which is nobody.
 *
 * @throws TypeError for anything else, which would find nobody, and say nothing.
 */
export function toLookupText(name: string, value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' || typeof value === 'bigint') return String(value)
  return toText(name, value)
}

/**
 * Checks the name of whom is to be erased: with none, nobody would be, and nothing said.
 *
 * @throws TypeError
 */
export function checkReferenceId(value: unknown): void {
  if (toText('referenceId', value) === '') throw new TypeError('referenceId must not be empty')
}

/** @throws TypeError for what cannot be called. */
export function checkFunction(name: string, value: unknown): void {
  if (typeof value === 'function') return
  throw new TypeError(`${name} must be a function, found ${describe(value)}`)
}

/**
 * Checks that options are an object, where a function has some that are needed.
 *
 * @throws TypeError
 */
export function checkObject(value: unknown, expected: string): void {
  if (!isObject(value)) throw new TypeError(`${expected}; found ${describe(value)}`)
}

/**
 * Checks where an API is asked and with what: a variable that is not set would be sent as its name.
 *
 * @throws TypeError
 */
export function checkApi(value: unknown, name: string): void {
  const expected = `${name} needs { baseUrl, devId, apiKey }`
  checkObject(value, expected)
  if (!isObject(value)) return
  for (const key of ['baseUrl', 'devId', 'apiKey']) {
    const found = value[key]
    if (typeof found === 'string' && found !== '') continue
    throw new TypeError(`${expected}; ${key} must be a text, found ${describe(found)}`)
  }
}

/**
 * Checks an address that a person came back with.
 *
 * @throws TypeError
 */
export function checkAddress(value: unknown): void {
  // Frameworks have addresses of a class of their own.
  if (typeof value === 'string' || (isObject(value) && typeof value['href'] === 'string')) return
  throw new TypeError(
    `the address must be a text or a URL, found ${describe(value)}; a path with its query will do`,
  )
}

function toText(name: string, value: unknown): string {
  if (typeof value === 'string') return value
  throw new TypeError(`${name} must be a text, found ${describe(value)}`)
}

/** Whether a value, which may be callable itself, has a method. */
function hasMethod(value: unknown, name: string): boolean {
  if (value === undefined || value === null) return false
  return typeof Reflect.get(Object(value), name) === 'function'
}

function isObject(value: unknown): value is Unknown {
  return typeof value === 'object' && value !== null
}

/** Kinds, and only of what is short and no secret a value. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'a list'
  if (value instanceof Promise) return 'a promise; await it'
  if (value === '') return 'an empty text'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
