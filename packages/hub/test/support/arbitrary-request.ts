/** Requests made from the API's own description: right ones, and ones that are wrong in every way. */
import * as fc from 'fast-check'
import type { Document, Operation, Schema } from './judge-answer.ts'

export interface AnyRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly body: string | undefined
}

/** Texts that have broken something somewhere. */
const NASTY = [
  '',
  ' ',
  '\0',
  'a\0b',
  '\uD800',
  '\uFFFF',
  'é𝕏👩‍👩‍👧',
  '٣',
  "' OR 1=1 --",
  '%',
  '%00',
  '%E0%A4%A',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  '${7*7}',
  '-1',
  '1e3',
  '0x10',
  '9007199254740993',
  '99999999999999999999999999',
  'NaN',
  'null',
  'true',
  '2024-02-30T25:61:61Z',
  'W10',
  'bnVsbA',
  'x'.repeat(3_000),
]

const nasty = fc.oneof(fc.constantFrom(...NASTY), fc.string({ unit: 'binary', maxLength: 40 }))

/** Values of every type where another one is expected. */
const junk: fc.Arbitrary<unknown> = fc.oneof(
  nasty,
  fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 1e308, 2 ** 53, [], {}, [[]], [null]),
  fc.constant('x'.repeat(70_000)),
  fc.constant(JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`)),
  fc.jsonValue({ maxDepth: 3 }),
)

/**
 * Any request to an operation.
 *
 * @param texts Values that the hub knows, for example ids, so that some requests lead somewhere.
 */
export function anyRequest(
  document: Document,
  { path, method, operation }: { path: string; method: string; operation: Operation },
  texts: readonly string[],
): fc.Arbitrary<AnyRequest> {
  const text = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...texts) }, nasty)
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const parameters = operation.parameters?.filter((parameter) => parameter.in === 'query') ?? []
  const params = fc.record(Object.fromEntries(names.map((name) => [name, text])))
  const pair = (name: string, schema: Schema) =>
    fc
      .oneof({ weight: 3, arbitrary: right(document, schema, text) }, nasty)
      .map((value) => [name, String(value)] as const)
  const known = parameters.map(({ name, schema }) =>
    // Left out, once, twice.
    fc.array(pair(name, schema), { maxLength: 2 }),
  )
  const query = fc
    .tuple(...known, fc.array(fc.tuple(nasty, nasty), { maxLength: 1 }))
    .map((lists) => {
      const search = new URLSearchParams()
      for (const [name, value] of lists.flat()) search.append(name, value)
      return search
    })
  const schema = operation.requestBody?.content['application/json']?.schema
  const body: fc.Arbitrary<string | undefined> =
    schema === undefined
      ? fc.constant(undefined)
      : fc.oneof(
          {
            weight: 6,
            arbitrary: wrong(document, schema, text).map((value) => JSON.stringify(value)),
          },
          {
            weight: 3,
            arbitrary: right(document, schema, text).map((value) => JSON.stringify(value)),
          },
          fc.constantFrom('', '{', '[]', '"', 'null', '\uFEFF{}', '{"a":1}{"b":2}'),
          nasty,
        )
  return fc.record({ params, query, body }).map((made) => {
    const search = made.query.toString()
    const filled = path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) =>
      encodeURIComponent((made.params[name] ?? '').replaceAll(/\p{Surrogate}/gu, '\uFFFD') || '-'),
    )
    return {
      method: method.toUpperCase(),
      path: `${filled}${search === '' ? '' : `?${search}`}`,
      body: made.body,
    }
  })
}

/** A value as the schema wants it. */
function right(
  document: Document,
  schema: Schema,
  text: fc.Arbitrary<string>,
): fc.Arbitrary<unknown> {
  const again = (inner: Schema) => right(document, inner, text)
  const { $ref, properties = {}, required = [] } = schema
  if ($ref !== undefined) {
    return again(document.components.schemas[$ref.replace('#/components/schemas/', '')] ?? {})
  }
  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf
  if (choices !== undefined) return fc.oneof(...choices.map(again))
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.enum !== undefined) return fc.constantFrom<unknown>(...schema.enum)
  const [type = 'unknown', ...more] = [schema.type ?? 'unknown'].flat()
  if (more.length > 0)
    return fc.oneof(...[type, ...more].map((one) => again({ ...schema, type: one })))
  switch (type) {
    case 'string':
      return text
    case 'integer':
    case 'number':
      return fc.integer({ min: schema.minimum ?? -10, max: schema.maximum ?? 1_000 })
    case 'boolean':
      return fc.boolean()
    case 'null':
      return fc.constant(null)
    case 'array':
      return fc.array(again(schema.items ?? {}), { maxLength: 3 })
    case 'object':
      return fc.record(
        Object.fromEntries(Object.entries(properties).map(([name, one]) => [name, again(one)])),
        { requiredKeys: [...required] },
      )
    default:
      return fc.jsonValue({ maxDepth: 2 })
  }
}

/** A value that is nearly what the schema wants. */
function wrong(
  document: Document,
  schema: Schema,
  text: fc.Arbitrary<string>,
): fc.Arbitrary<unknown> {
  const { properties } = schema
  if (properties === undefined) return fc.oneof(right(document, schema, text), junk)
  const fields = Object.entries(properties).map(([name, one]) => [
    name,
    fc.oneof(
      { weight: 3, arbitrary: right(document, one, text) },
      { weight: 1, arbitrary: wrong(document, one, text) },
      junk,
    ),
  ])
  const record = fc.record(Object.fromEntries(fields) as Record<string, fc.Arbitrary<unknown>>, {
    requiredKeys: [],
  })
  return fc.oneof({ weight: 5, arbitrary: record }, junk)
}

/** A body that an operation takes; undefined where it takes none. */
export function validBody(document: Document, path: string, method: string): fc.Arbitrary<unknown> {
  const operation = document.paths[path]?.[method.toLowerCase()]
  const schema = operation?.requestBody?.content['application/json']?.schema
  return schema === undefined
    ? fc.constant(undefined)
    : right(document, schema, fc.constant('tony_stark'))
}
