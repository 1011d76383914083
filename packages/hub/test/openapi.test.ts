/**
 * The API's description: the committed one is the one that the code gives, and real answers are as it says.
 * `UPDATE_OPENAPI=1 npx vitest run packages/hub/test/openapi.test.ts` writes `docs/openapi.json` anew.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { toClientTypes } from '../../../scripts/client-types.ts'
import { ROUTES } from '../src/http/routes.ts'
import { type TestHub, createTestHub } from './support/create-test-hub.ts'

const DOCUMENT = new URL('../../../docs/openapi.json', import.meta.url)
const CLIENT_TYPES = new URL('../src/client/operations.ts', import.meta.url)

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
}

interface Operation {
  readonly summary?: string
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >
}

interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

/** What is wrong with a value; a field that the schema does not name is wrong too. */
function mismatches(document: Document, schema: Schema, value: unknown, at = '$'): string[] {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.replace('#/components/schemas/', '')
    const target = document.components.schemas[name]
    return target === undefined
      ? [`${at}: no schema ${schema.$ref}`]
      : mismatches(document, target, value, at)
  }
  const choices = schema.anyOf ?? schema.oneOf
  if (choices !== undefined) {
    const tries = choices.map((choice) => mismatches(document, choice, value, at))
    return tries.some((found) => found.length === 0) ? [] : tries.flat()
  }
  if (schema.allOf !== undefined) {
    return mismatches(document, mergeAll(document, schema.allOf), value, at)
  }
  const found: string[] = []
  if (schema.const !== undefined && value !== schema.const)
    found.push(`${at}: not ${JSON.stringify(schema.const)}`)
  if (schema.enum !== undefined && !schema.enum.includes(value)) found.push(`${at}: not in enum`)
  const types = schema.type === undefined ? [] : [schema.type].flat()
  if (types.length > 0 && !types.some((type) => isOfType(type, value))) {
    return [...found, `${at}: is ${JSON.stringify(value)}, not ${types.join(' or ')}`]
  }
  if (Array.isArray(value) && schema.items !== undefined) {
    const { items } = schema
    found.push(...value.flatMap((item, i) => mismatches(document, items, item, `${at}[${i}]`)))
  }
  if (typeof value === 'object' && value !== null && schema.properties !== undefined) {
    found.push(...fieldMismatches(document, schema, value, at))
  }
  return found
}

function fieldMismatches(document: Document, schema: Schema, value: object, at: string): string[] {
  const { properties = {}, required = [], additionalProperties } = schema
  const missing = required
    .filter((name) => !(name in value))
    .map((name) => `${at}.${name}: missing`)
  const wrong = Object.entries(value).flatMap(([name, field]) => {
    const own = properties[name]
    if (own !== undefined) return mismatches(document, own, field, `${at}.${name}`)
    return typeof additionalProperties === 'object'
      ? mismatches(document, additionalProperties, field, `${at}.${name}`)
      : [`${at}.${name}: not in the schema`]
  })
  return [...missing, ...wrong]
}

function mergeAll(document: Document, schemas: readonly Schema[]): Schema {
  const parts = schemas.map((schema) =>
    schema.$ref === undefined
      ? schema
      : (document.components.schemas[schema.$ref.replace('#/components/schemas/', '')] ?? schema),
  )
  return {
    type: 'object',
    properties: Object.assign({}, ...parts.map((part) => part.properties)),
    required: parts.flatMap((part) => part.required ?? []),
  }
}

function isOfType(type: string, value: unknown): boolean {
  switch (type) {
    case 'null':
      return value === null
    case 'array':
      return Array.isArray(value)
    case 'object':
      return typeof value === 'object' && value !== null && !Array.isArray(value)
    case 'integer':
      return Number.isInteger(value)
    default:
      return typeof value === type
  }
}

/** What is wrong with an answer of the hub, by its own description. */
async function judge(hub: TestHub, call: Call): Promise<string[]> {
  const document = hub.hub.openApi() as Document
  const { status, json } = await hub.call(call.method, call.path, call.body)
  const operation = document.paths[call.route]?.[call.method.toLowerCase()]
  if (operation === undefined) return [`${call.method} ${call.route} is not described`]
  const content = operation.responses[status]?.content ?? {}
  const type = status < 400 ? 'application/json' : 'application/problem+json'
  const schema = content[type]?.schema
  return schema === undefined
    ? [`${call.method} ${call.route} answers ${status}, which is not described`]
    : mismatches(document, schema, json)
}

interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** As the document names it. */
  readonly route: string
  readonly path: string
  readonly body?: unknown
}

const NOBODY = '00000000-0000-4000-8000-000000000000'

/** Every route with every kind of answer that it gives. */
function everyCall(ids: {
  userId: string
  oldId: string
  reserved: string
  eventId: string
}): Call[] {
  const session = '/v2/auth/generateWidgetSession'
  const authenticate = '/v2/auth/authenticateUser'
  const deauthenticate = '/v2/auth/deauthenticateUser'
  const events = '/admin/v1/events'
  const generate = '/admin/v1/events/generate'
  const read = (route: string, query = ''): Call => ({ method: 'GET', route, path: route + query })
  const post = (route: string, query: string, body: unknown): Call => ({
    method: 'POST',
    route,
    path: route + query,
    body,
  })
  const event = { route: `${events}/{event_id}`, method: 'GET' } as const
  return [
    post(session, '', { reference_id: 'tony_stark', providers: ['GARMIN'] }),
    post(session, '', { reference_id: 7 }),
    post(session, '', { providers: 'PEBBLE' }),
    post(authenticate, '?resource=GARMIN', {}),
    post(authenticate, '', {}),
    post(authenticate, '?resource=PEBBLE', {}),
    read('/v2/userInfo', `?user_id=${ids.userId}`),
    read('/v2/userInfo', `?user_id=${ids.reserved}`),
    read('/v2/userInfo', `?user_id=${ids.oldId}`),
    read('/v2/userInfo', '?reference_id=tony_stark'),
    read('/v2/userInfo', '?reference_id=nobody'),
    read('/v2/userInfo'),
    read('/v2/subscriptions'),
    read('/v2/subscriptions', '?page=0&per_page=1'),
    read('/v2/subscriptions', '?page=99'),
    read('/v2/subscriptions', '?page=x'),
    read(events),
    read(events, '?limit=1'),
    read(events, '?type=auth_cancelled'),
    read(events, '?limit=0'),
    read('/admin/v1/audit', '?limit=1'),
    read('/admin/v1/audit', '?after=x'),
    read('/admin/v1/environments'),
    { ...event, path: `${events}/${ids.eventId}` },
    { ...event, path: `${events}/${NOBODY}` },
    post(generate, '', { type: 'daily', user_id: ids.userId, data: [{ steps: 1 }] }),
    post(generate, '', { type: 'auth', user_id: ids.userId }),
    post(generate, '', { type: 'daily', user_id: NOBODY }),
    { method: 'DELETE', route: deauthenticate, path: deauthenticate },
    { method: 'DELETE', route: deauthenticate, path: `${deauthenticate}?user_id=${ids.userId}` },
    { method: 'POST', route: deauthenticate, path: `${deauthenticate}?user_id=${ids.userId}` },
  ]
}

describe('the description of the API', () => {
  it('is the one in docs/openapi.json, and that of the typed client', async () => {
    const hub = await createTestHub()
    const present = hub.hub.openApi()
    const types = toClientTypes(present)
    if (process.env['UPDATE_OPENAPI'] === '1') {
      await writeFile(DOCUMENT, `${JSON.stringify(present, null, 2)}\n`)
      await writeFile(CLIENT_TYPES, types)
    }
    expect(JSON.parse(await readFile(DOCUMENT, 'utf8'))).toEqual(present)
    expect(await readFile(CLIENT_TYPES, 'utf8')).toBe(types)
  })

  it('is served without the addresses that only Terra’s older clients use', async () => {
    const hub = await createTestHub()
    const document = (await (await fetch(`${hub.url}/openapi.json`)).json()) as Document
    expect(document).toEqual(hub.hub.openApi())
    expect(document.openapi).toBe('3.1.0')
    const documented = ROUTES.map(({ paths }) => paths[0].replaceAll(/:(\w+)/g, '{$1}'))
    expect(new Set(Object.keys(document.paths))).toEqual(new Set(documented))
    for (const operation of Object.values(document.paths).flatMap((path) => Object.values(path))) {
      expect(operation.summary).toMatch(/\w/)
    }
  })

  it('tells the truth about every answer', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN', { decision: 'deny' })
    hub.app.answer = () => ({ status: 500, body: 'not now' })
    const oldId = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
    hub.app.answer = () => 'reset'
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id') ?? ''
    await hub.connect('FITBIT', { referenceId: null })
    await hub.advanceByMs(30_000)
    hub.app.answer = () => ({ status: 200 })
    const reserved = await hub.call('POST', '/v2/auth/authenticateUser?resource=OURA')
    const { json } = await hub.call('GET', `/admin/v1/events?user_id=${oldId}`)
    const ids = { userId, oldId, reserved: reserved.json.user_id, eventId: json.data[0].id }
    for (const call of everyCall(ids)) {
      expect([call.method, call.path, await judge(hub, call)]).toEqual([call.method, call.path, []])
    }
  })

  it('names every parameter that a route reads', async () => {
    const hub = await createTestHub()
    const { paths } = hub.hub.openApi() as {
      paths: Record<string, Record<string, { parameters?: { in: string; name: string }[] }>>
    }
    const named = Object.fromEntries(
      Object.entries(paths).map(([path, methods]) => [
        path,
        Object.values(methods)[0]
          ?.parameters?.filter((parameter) => parameter.in !== 'header')
          .map(({ name }) => name) ?? [],
      ]),
    )
    expect(named).toMatchObject({
      '/admin/v1/events': ['user_id', 'reference_id', 'lineage_id', 'type', 'after', 'limit'],
      '/admin/v1/events/{event_id}': ['event_id'],
      '/v2/auth/authenticateUser': ['resource'],
      '/v2/auth/deauthenticateUser': ['user_id'],
      '/v2/subscriptions': ['page', 'per_page'],
      '/v2/userInfo': ['user_id', 'reference_id'],
    })
  })
})
