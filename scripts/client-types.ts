/** The types of the API's client, from the API's description. */

interface Schema {
  readonly $ref?: string
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly allOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
}

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>
}

interface Operation {
  readonly summary: string
  readonly parameters?: readonly {
    readonly in: string
    readonly name: string
    readonly required?: boolean
    readonly schema: Schema
  }[]
  readonly requestBody?: Content
  readonly responses: Readonly<Record<string, Content>>
}

interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

/** @returns TypeScript: the named schemas, and each operation with what goes in and what comes out. */
export function toClientTypes(description: unknown): string {
  const { paths, components } = description as Description
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) => `  ${key(name)}: ${toType(schema)}`,
  )
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => answersJson(operation))
      .map(([method, operation]) => toOperation(path, method, operation)),
  )
  return `// Made from docs/openapi.json by scripts/client-types.ts; see CONTRIBUTING.md. Do not edit.

/** What has a name in the API's description. */
export interface Schemas {
${schemas.join('\n')}
}

/** Every operation, by method and path. */
export interface Operations {
${operations.join('\n')}
}
`
}

/** What is read as it comes is asked for with fetch. */
function answersJson({ responses }: Operation): boolean {
  return Object.entries(responses).some(
    ([status, { content }]) =>
      status.startsWith('2') && content?.['application/json'] !== undefined,
  )
}

function toOperation(path: string, method: string, operation: Operation): string {
  const lines = [
    parametersOf(operation, 'path'),
    parametersOf(operation, 'query'),
    bodyOf(operation),
    `    answer: ${answerOf(operation)}`,
  ].filter((line) => line !== undefined)
  return `  /** ${operation.summary}. */
  '${method.toUpperCase()} ${path}': {
${lines.join('\n')}
  }`
}

function parametersOf(operation: Operation, place: 'path' | 'query'): string | undefined {
  const parameters = operation.parameters?.filter((parameter) => parameter.in === place) ?? []
  if (parameters.length === 0) return undefined
  const isRequired = parameters.some(({ required }) => required === true)
  const fields = parameters.map(
    ({ name, required, schema }) =>
      `${key(name)}${required === true ? '' : '?'}: ${toType(schema)}${required === true ? '' : ' | undefined'}`,
  )
  return `    ${place}${isRequired ? '' : '?'}: { ${fields.join('; ')} }`
}

function bodyOf({ requestBody }: Operation): string | undefined {
  const schema = requestBody?.content?.['application/json']?.schema
  return schema === undefined
    ? undefined
    : `    body${isNeeded(schema) ? '' : '?'}: ${toType(schema)}`
}

function isNeeded(schema: Schema): boolean {
  return (schema.required?.length ?? 0) > 0
}

function answerOf({ responses }: Operation): string {
  const types = Object.entries(responses)
    .filter(([status]) => status.startsWith('2'))
    .map(([, { content }]) => content?.['application/json']?.schema)
    .map((schema) => (schema === undefined ? 'undefined' : toType(schema)))
  return union(types)
}

function toType(schema: Schema): string {
  if (schema.$ref !== undefined) {
    return `Schemas['${schema.$ref.replace('#/components/schemas/', '')}']`
  }
  const choices = schema.anyOf ?? schema.oneOf
  if (choices !== undefined) return union(choices.map(toType))
  if (schema.allOf !== undefined) return schema.allOf.map((part) => `(${toType(part)})`).join(' & ')
  if ('const' in schema) return JSON.stringify(schema.const)
  if (schema.enum !== undefined) return union(schema.enum.map((value) => JSON.stringify(value)))
  const types = [schema.type ?? 'unknown'].flat()
  return union(types.map((type) => toTypeOf(type, schema)))
}

function toTypeOf(type: string, schema: Schema): string {
  switch (type) {
    case 'integer':
      return 'number'
    case 'array':
      return `(${toType(schema.items ?? {})})[]`
    case 'object':
      return toObject(schema)
    default:
      return type
  }
}

function toObject({ properties, required = [], additionalProperties }: Schema): string {
  if (properties === undefined) {
    const values =
      typeof additionalProperties === 'object' ? toType(additionalProperties) : 'unknown'
    return `Record<string, ${values}>`
  }
  const fields = Object.entries(properties).map(([name, schema]) => {
    const isOptional = !required.includes(name)
    return `${key(name)}${isOptional ? '?' : ''}: ${toType(schema)}${isOptional ? ' | undefined' : ''}`
  })
  return fields.length === 0 ? 'Record<string, never>' : `{ ${fields.join('; ')} }`
}

function union(types: readonly string[]): string {
  return [...new Set(types)].join(' | ')
}

function key(name: string): string {
  return /^[a-z_$][\w$]*$/i.test(name) ? name : JSON.stringify(name)
}
