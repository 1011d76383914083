/**
 * Entry `firma-receiver/lambda`: serves events on AWS Lambda, behind API Gateway (REST and HTTP APIs), an application load balancer, or a function URL.
 *
 * @packageDocumentation
 */
import { checkReceiver } from './check-options.ts'
import { bodyConsumed, checkLength, reply, type Receiving } from './handler.ts'

/** A request, as API Gateway (payload formats 1.0 and 2.0), a load balancer or a function URL hands it over. */
export interface LambdaEvent {
  /** Format 1.0 and load balancers. */
  httpMethod?: string
  /** Format 2.0 and function URLs have the method in it: `http.method`. */
  requestContext?: object
  /** By name, in any case. */
  headers?: Readonly<Record<string, string | undefined>> | null
  /** By name, in any case, each with all its values; format 1.0 and load balancers that are set up for it. */
  multiValueHeaders?: Readonly<Record<string, readonly string[] | undefined>> | null
  /** The body as text. Anything else is a body that somebody has parsed. */
  body?: unknown
  /** Whether the text is base64, as API Gateway sends types that it takes for binary. */
  isBase64Encoded?: boolean
}

/** An answer, which all of them understand. */
export interface LambdaResult {
  /** HTTP status. */
  statusCode: number
  /** By lower-case name. */
  headers: Record<string, string>
  /** JSON text. */
  body: string
  /** Never: the body is the text itself. */
  isBase64Encoded: false
}

const encoder = new TextEncoder()

/**
 * Makes the function's handler. It answers after `onEvent` has finished, because the machine stops at the answer; a handler that fails is called again when
 * something calls `receiver.retryFailed()`, a scheduled function for one.
 *
 * A function takes 6 MB at most (1 MB from a load balancer), whatever `bodyBytesMax` says. Leave body parsers (middy's `httpJsonBodyParser`) away from it: the answer
 * to a parsed body is 401 `body_not_raw`.
 */
export function lambdaHandler(receiver: Receiving): (event: LambdaEvent) => Promise<LambdaResult> {
  checkReceiver(receiver, 'lambdaHandler')
  return async (event) => {
    const { status, headers, body } = await reply(receiver, {
      method: (event.httpMethod ?? findMethod(event.requestContext) ?? '').toUpperCase(),
      headers: { ...event.headers, ...event.multiValueHeaders },
      readBody: async (bytesMax) => {
        const bytes = toBytes(event)
        checkLength(String(bytes.length), bytesMax)
        return bytes
      },
    })
    return { statusCode: status, headers, body, isBase64Encoded: false }
  }
}

function findMethod(
  requestContext: { http?: { method?: string } } | undefined,
): string | undefined {
  return requestContext?.http?.method
}

function toBytes({ body, isBase64Encoded }: LambdaEvent): Uint8Array {
  if (body === undefined || body === null) return new Uint8Array()
  if (typeof body !== 'string') throw bodyConsumed()
  // Node's own decoder, on a machine that is always Node: atob takes a function call for each byte.
  return isBase64Encoded === true ? Buffer.from(body, 'base64') : encoder.encode(body)
}
