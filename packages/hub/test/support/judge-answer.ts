/** Compares answers with the API's own description: every answer that any test gets from a test hub. */
import type { Hub } from '../../src/hub.ts'
import { ROUTES } from '../../src/http/routes.ts'

export interface Schema {
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
  readonly minimum?: number
  readonly maximum?: number
}

export interface Operation {
  readonly summary?: string
  readonly parameters?: readonly {
    readonly in: string
    readonly name: string
    readonly required?: boolean
    readonly schema: Schema
  }[]
  readonly requestBody?: {
    readonly content: Readonly<Record<string, { readonly schema: Schema }>>
  }
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema: Schema }>> }>
  >
}

export interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

/** What is wrong with a value; a field that the schema does not name is wrong too. */
export function mismatches(document: Document, schema: Schema, value: unknown, at = '$'): string[] {
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

/** The routes' descriptions do not depend on the hub, and making them takes longer than most tests. */
let description: Document | undefined

/** What the hub says of its API. */
export function describedBy(hub: Hub): Document {
  return (description ??= hub.openApi() as Document)
}

const PATTERNS = ROUTES.flatMap(({ paths, methods }) =>
  paths.map((path) => ({
    path: paths[0].replaceAll(/:(\w+)/g, '{$1}'),
    methods: methods.map((method) => method.toUpperCase()),
    pattern: new RegExp(`^${path.replaceAll(/:\w+/g, '[^/]+')}$`),
  })),
)

/**
 * What is wrong with an answer, by the hub's own description; nothing for what is not a route of the API.
 *
 * @param response Its body is read.
 */
export async function judgeAnswer(
  hub: Hub,
  request: { readonly method: string; readonly url: string },
  response: Response,
): Promise<string[]> {
  const { method } = request
  const { pathname } = new URL(request.url)
  // Fixed paths come first in the list, as they do in the hub.
  const here = PATTERNS.find(({ pattern }) => pattern.test(pathname))
  const route = PATTERNS.find(
    ({ path, methods }) => path === here?.path && methods.includes(method),
  )
  if (route === undefined) return []
  const { status } = response
  const about = `${method} ${pathname} → ${status}`
  const document = describedBy(hub)
  const operation = document.paths[route.path]?.[method.toLowerCase()]
  const content = operation?.responses[status]?.content
  if (content === undefined) return [`${about}: the description does not know this status`]
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';')
  const schema = content[type]?.schema
  if (schema === undefined) return [`${about}: the description does not know ${type}`]
  const found = mismatches(document, schema, await response.json())
  return found.map((mismatch) => `${about}: ${mismatch}`)
}
