/** How the data of a provider spells a request to its API, and the pieces that other parts of it share. */
import { z } from 'zod'

export const strings = z.array(z.string()).readonly()
export const someStrings = z.array(z.string()).min(1).readonly()
export const texts = z.record(z.string(), z.string()).readonly()
export const seconds = z.int().positive()

/** https, unless an environment points the provider elsewhere; placeholders allowed. */
export const url = z
  .string()
  .regex(/^https?:\/\/[^/?#\s]+\/\S*$/, 'expected an absolute http(s) URL with a path')

/**
 * A path into a JSON body: member names and array indexes joined by dots, for example
 * `errors.0.errorType`. The empty path is the body itself.
 */
export const fieldPath = z.string()

/** A value at a path that says yes: an answer with status 200 may still be a refusal. */
export const marker = z.strictObject({ path: fieldPath, values: someStrings }).readonly()

const requestBase = {
  method: z.enum(['GET', 'POST', 'PUT', 'DELETE']).default('GET'),
  url,
  /** Where the access token goes (RFC 6750, section 2). `signature`: OAuth 1.0a signs the request with it. */
  token: z
    .discriminatedUnion('in', [
      z.strictObject({ in: z.literal('bearer') }),
      z.strictObject({ in: z.literal('query'), name: z.string() }),
      z.strictObject({ in: z.literal('form'), name: z.string() }),
      z.strictObject({ in: z.literal('signature') }),
      z.strictObject({ in: z.literal('none') }),
    ])
    .readonly()
    .default({ in: 'bearer' }),
  /** Headers of this request beside those of `api.headers`. */
  headers: texts.default({}),
  /** Members of a form body. */
  form: texts.exactOptional(),
  /** Members of a JSON body. */
  json: texts.exactOptional(),
  /** Adds a member with the hexadecimal HMAC-SHA256, under the client secret, of a filled-in text. */
  sign: z.strictObject({ member: z.string(), over: z.string() }).readonly().exactOptional(),
  /** The app proves itself with HTTP Basic instead of the token. */
  client: z.literal('basic').exactOptional(),
  /** Where a 200 may be a refusal: what a success looks like. */
  success: marker.exactOptional(),
}

export const request = z
  .strictObject({
    ...requestBase,
    /** A request to make first; `read` names placeholders and where its answer holds their values. */
    prepare: z
      .strictObject({ ...requestBase, read: texts })
      .readonly()
      .exactOptional(),
  })
  .readonly()

/** A request to the provider's API. */
export type ProviderRequest = z.infer<typeof request>

export type FieldPath = z.infer<typeof fieldPath>
/** A value at a path that says yes. */
export type Marker = z.infer<typeof marker>
