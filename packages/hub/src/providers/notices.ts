/** How the data of a provider describes the notices that it sends to the app by itself, and how the app asks for them. */
import { z } from 'zod'
import { fieldPath, marker, request, seconds, someStrings, strings, url } from './request.ts'

/** Which items of a notice a pattern matches, and what they mean. */
const pattern = z
  .strictObject({
    type: z.enum(['access_revoked', 'scopes_changed']),
    /** Where the array of items, or the single item, is; empty when the body itself is it. */
    items: fieldPath.default(''),
    /** Fields that an item must have with one of these values, compared as text; null: must not have it. */
    where: z.record(z.string(), z.union([strings, z.null()])).default({}),
    /** Where an item names the account. */
    accountId: fieldPath,
    /** With `scopes_changed`: where the scopes now in force are. */
    scopes: fieldPath.exactOptional(),
  })
  .readonly()

/** One kind of item in a notice. */
export type NoticePattern = z.infer<typeof pattern>

/**
 * How a notice proves where it comes from. `key` and `signed` are texts with placeholders, `{body}`
 * being the raw bytes.
 */
const noticeAuthentication = z
  .discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('unsigned'),
      /** A header that carries the app's client id. Proves nothing; a wrong one is refused. */
      clientIdHeader: z.string().exactOptional(),
    }),
    z.strictObject({
      kind: z.literal('hmac'),
      header: z.string(),
      hash: z.enum(['sha1', 'sha256']),
      /** `HEX` is upper case. */
      encoding: z.enum(['base64', 'hex', 'HEX']),
      /** `t_v1`: the header is `t=<timestamp>,v1=<signature>`. */
      format: z.enum(['plain', 't_v1']).default('plain'),
      key: z.string(),
      signed: z.string().default('{body}'),
      /** Header with the time of `{timestamp}`, and how far it may be off. */
      timestamp: z
        .strictObject({
          header: z.string().exactOptional(),
          unit: z.enum(['s', 'ms']),
          toleranceSeconds: seconds,
        })
        .readonly()
        .exactOptional(),
      /**
       * Sources disagree whether, or with what, it signs: a notice without a signature that holds is not refused but
       * taken for unsigned, so the provider is asked before anything destructive.
       */
      isOptional: z.boolean().default(false),
    }),
    z.strictObject({
      /** A shared secret in the body or in a header. */
      kind: z.literal('secret'),
      in: z.enum(['body', 'header']),
      name: z.string(),
      value: z.string(),
    }),
    z.strictObject({
      /**
       * A signature under a key that the provider publishes: ECDSA with P-256 and SHA-256 over the raw body, as Tink writes it. A
       * shared secret in a header proves the same; what is there of both must be right.
       */
      kind: z.literal('keyset'),
      /** Names that the header with the signature goes by. */
      headers: someStrings,
      keysetUrl: url,
      /** Verifying the address takes this one. */
      secret: z.strictObject({ header: z.string(), value: z.string() }).readonly(),
    }),
  ])
  .readonly()

/** One of the ways in which notices are authenticated. */
export type NoticeAuthentication = z.infer<typeof noticeAuthentication>

/** Verification of the address before the first notice. */
const handshake = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('none') }),
    z.strictObject({
      /** GET with a code that must equal the configured one. */
      kind: z.literal('query_code'),
      parameter: z.string(),
      code: z.string(),
      rightStatus: z.int(),
      wrongStatus: z.int(),
    }),
    z.strictObject({
      /** GET with a token that must equal ours, and a challenge to send back as JSON. */
      kind: z.literal('challenge'),
      tokenParameter: z.string(),
      token: z.string(),
      challengeParameter: z.string(),
      replyMember: z.string(),
    }),
    z.strictObject({
      /** A POST with this in its body, authenticated as a notice is. */
      kind: z.literal('post'),
      marker,
      rightStatus: z.int(),
    }),
  ])
  .readonly()

/** Notices that the provider sends to the app by itself. */
export const notices = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('none') }),
    z.strictObject({
      kind: z.literal('push'),
      format: z.enum(['json', 'form']).default('json'),
      authentication: noticeAuthentication,
      /** Empty: none of its notices is about a connection; it sends data only. */
      patterns: z.array(pattern).readonly(),
      /** Answer to a notice that was accepted. */
      replyStatus: z.int().default(200),
      /** Answer to a notice with a wrong signature. */
      rejectStatus: z.int().default(401),
      /** The event by which the app is told of an `access_revoked`; Terra forwards Fitbit's as `deauth`. */
      revokedAs: z.enum(['access_revoked', 'deauth']).default('access_revoked'),
      handshake: handshake.default({ kind: 'none' }),
      /** Seconds within which the provider wants its answer, where it says so. */
      answerWithinSeconds: seconds.exactOptional(),
    }),
  ])
  .readonly()

/** How long before its end a subscription is renewed, where the provider's entry does not say: three days. */
const RENEW_AHEAD_SECONDS = 259_200

/**
 * Subscriptions that the app has, and not an account: the hub makes, renews and removes them. Their requests prove the app
 * by themselves; `{noticeUrl}`, `{noticeKey}`, `{subscriptionId}` and the names in `topics` are filled in.
 */
export const appSubscriptions = z
  .strictObject({
    /** Asks which there are; the answer is, or has at `itemsPath`, an array. */
    list: request,
    itemsPath: fieldPath.default(''),
    /** Where an item has its id, a text or an integer. */
    idPath: fieldPath.default('id'),
    /** Where an item has the address that its notices go to. */
    addressPath: fieldPath,
    /** Where an item says when it ends (RFC 3339); absent where they do not end. */
    endsAtPath: fieldPath.exactOptional(),
    create: request,
    renew: request.exactOptional(),
    renewAheadSeconds: seconds.default(RENEW_AHEAD_SECONDS),
    remove: request,
    /** There is one for each combination of these values, which items have under the same names. Default one in all. */
    topics: z.record(z.string(), someStrings).default({}),
    /** The app can have one only: somebody else's stands in the way. */
    isOnlyOne: z.boolean().default(false),
  })
  .readonly()

/** See {@link appSubscriptions}. */
export type AppSubscriptionFacts = z.infer<typeof appSubscriptions>
