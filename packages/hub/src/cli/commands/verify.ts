/** `firma verify`: is this signature right, and if not, why. */
import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import {
  type SignatureHeaders,
  type Tolerance,
  VerificationError,
  verifySignature,
} from 'firma-receiver'
import { addFormatFlags, collect } from '../command.ts'
import { CliError, EXIT } from '../exit-codes.ts'
import type { Io } from '../io.ts'
import { type FormatFlags, writeRecord } from '../output.ts'

interface VerifyFlags extends FormatFlags {
  readonly header: readonly string[]
  readonly secretFile?: string
  readonly secret?: string
  readonly tolerance: string
  readonly at?: string
}

export function addVerify(program: Command, io: Io): void {
  const command = program
    .command('verify')
    .description('tell whether a signature is right, and if not, why')
    .argument('[file]', 'the body exactly as it was received; standard input when absent')
    .requiredOption(
      '-H, --header <header>',
      'a header of the request, "name: value"; several times',
      collect,
    )
    .option('--secret <secret>', 'signing secret (better: FIRMA_SIGNING_SECRET or --secret-file)')
    .option('--secret-file <path>', 'file that holds the signing secret')
    .option('--tolerance <seconds>', 'oldest signature, or off for any', 'off')
    .option('--at <unix-seconds>', 'judge the age at this time instead of now')
  addFormatFlags(command)
    .addHelpText(
      'after',
      `
Examples:
  firma verify body.json -H "X-Terra-Signature: t=1732330000,v1=5f…" --secret-file secret.txt
  pbpaste | FIRMA_SIGNING_SECRET=whsec_… firma verify -H "x-terra-signature: $SIGNATURE"
  firma verify body.json -H "webhook-id: …" -H "webhook-timestamp: …" -H "webhook-signature: v1,…" --secret-file secret.txt

It ends with 0 when the signature is right, and with 1 when it is not.`,
    )
    .action(async (file: string | undefined, flags: VerifyFlags) => {
      await verify(io, file, flags)
    })
}

async function verify(io: Io, file: string | undefined, flags: VerifyFlags): Promise<void> {
  const headers = readHeaders(flags.header)
  const secret = await readSecret(io, flags)
  const body = await readBody(io, file)
  const nowSeconds = readTime(flags.at)
  const tolerance = readTolerance(flags.tolerance)
  const input = { body, headers, secret, nowSeconds, tolerance }
  try {
    const { scheme, timestampSeconds } = await check(input)
    writeRecord(io, flags, {
      valid: true,
      scheme,
      signed_at: new Date(timestampSeconds * 1_000).toISOString(),
      age_seconds: nowSeconds - timestampSeconds,
      body_bytes: body.length,
    })
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error
    const cause = error.reason === 'signature_mismatch' ? await findCause(input) : undefined
    const { reason, message } = error
    writeRecord(io, flags, {
      valid: false,
      reason,
      message,
      ...(cause !== undefined && { found: cause }),
      body_bytes: body.length,
    })
    io.exitCode = EXIT.failed
  }
}

interface Input {
  readonly body: Uint8Array
  readonly headers: SignatureHeaders
  readonly secret: string
  readonly nowSeconds: number
  readonly tolerance: Tolerance
}

async function check({ body, headers, secret, nowSeconds, tolerance }: Input) {
  return await verifySignature({
    body,
    headers,
    secrets: [{ secret }],
    nowSeconds,
    tolerance,
    hmac: (key, ...parts) => {
      const hmac = createHmac('sha256', key)
      for (const part of parts) hmac.update(part)
      return hmac.digest()
    },
  })
}

/** What usually happens to bodies and secrets on their way, each tried in turn. */
async function findCause(input: Input): Promise<string | undefined> {
  const text = Buffer.from(input.body).toString('utf8')
  const bodies: [string, string | undefined][] = [
    [
      'the body has a line break at its end that was not sent; save it without',
      text.replace(/\r?\n$/, ''),
    ],
    ['the body has lost the line break at its end', `${text}\n`],
    ['the body begins with a byte order mark that was not sent', text.replace(/^\uFEFF/, '')],
    ['line breaks of the body were turned to CRLF', text.replaceAll('\r\n', '\n')],
    ['line breaks of the body were turned from CRLF to LF', text.replaceAll(/\r?\n/g, '\r\n')],
    [
      'the body was parsed and written again with indentation; sign and check the raw bytes',
      rewrite(text),
    ],
    [
      'the body was parsed and written again with spaces (Python does so); check the raw bytes',
      rewrite(text, ' '),
    ],
  ]
  for (const [cause, body] of bodies) {
    if (body === undefined || body === text) continue
    if (await isRight({ ...input, body: Buffer.from(body) })) return cause
  }
  const { secret } = input
  const secrets: [string, string][] = [
    ['the secret has spaces or a line break around it', secret.trim()],
    ['the secret has quotation marks around it', secret.replaceAll(/^["']|["']$/g, '')],
    ['the secret lacks its beginning "whsec_"', `whsec_${secret}`],
    ['the secret is used without its beginning "whsec_"', secret.replace(/^whsec_/, '')],
  ]
  for (const [cause, other] of secrets) {
    if (other !== secret && other !== '' && (await isRight({ ...input, secret: other })))
      return cause
  }
  return undefined
}

/** JSON as other programs write it; `undefined` for what is none. */
function rewrite(text: string, space = ''): string | undefined {
  try {
    const compact = JSON.stringify(JSON.parse(text))
    if (space === '') return compact
    // Python's json.dumps puts a space behind each comma and colon outside of texts.
    return compact.replaceAll(/"(?:[^"\\]|\\.)*"|[:,]/g, (part) =>
      part.length === 1 ? part + space : part,
    )
  } catch {
    return undefined
  }
}

async function isRight(input: Input): Promise<boolean> {
  try {
    await check({ ...input, tolerance: 'off' })
    return true
  } catch (error) {
    if (error instanceof VerificationError) return false
    throw error
  }
}

const NAMES: Readonly<Record<string, keyof SignatureHeaders>> = {
  'x-terra-signature': 'terra',
  'terra-signature': 'terra',
  'webhook-id': 'webhookId',
  'webhook-timestamp': 'webhookTimestamp',
  'webhook-signature': 'webhookSignature',
}

function readHeaders(lines: readonly string[]): SignatureHeaders {
  const headers: { -readonly [K in keyof SignatureHeaders]: string | undefined } = {
    terra: undefined,
    webhookId: undefined,
    webhookTimestamp: undefined,
    webhookSignature: undefined,
  }
  for (const line of lines) {
    const at = line.indexOf(':')
    const name = line.slice(0, at).trim().toLowerCase()
    if (at < 1) throw new CliError(`--header "${line}" must be like "name: value"`, EXIT.usage)
    const key = NAMES[name]
    // Others may be pasted along.
    if (key !== undefined) headers[key] = line.slice(at + 1).trim()
  }
  return headers
}

async function readSecret(io: Io, { secret, secretFile }: VerifyFlags): Promise<string> {
  if (secretFile !== undefined) {
    const text = await readOrExplain(resolve(io.folder, secretFile), '--secret-file')
    return text.toString('utf8').trim()
  }
  const given = secret ?? (io.variables['FIRMA_SIGNING_SECRET'] || undefined)
  if (given !== undefined && given !== '') return given
  throw new CliError(
    'no signing secret: set FIRMA_SIGNING_SECRET, or give --secret-file or --secret',
    EXIT.usage,
  )
}

async function readBody(io: Io, file: string | undefined): Promise<Uint8Array> {
  if (file !== undefined && file !== '-')
    return await readOrExplain(resolve(io.folder, file), 'the body')
  if (io.canAsk) io.err('Reading the body from standard input; end it with Ctrl+D.')
  return await io.readInput()
}

async function readOrExplain(path: string, what: string): Promise<Buffer> {
  try {
    return await readFile(path)
  } catch (cause) {
    throw new CliError(`${what} cannot be read from ${path}`, EXIT.usage, { cause })
  }
}

function readTolerance(text: string): Tolerance {
  if (text === 'off') return 'off'
  const seconds = Number(text)
  if (/^\d{1,9}$/.test(text) && seconds > 0) return seconds
  throw new CliError(`--tolerance is "${text}"; it must be seconds from 1, or off`, EXIT.usage)
}

function readTime(text: string | undefined): number {
  if (text === undefined) return Math.floor(Date.now() / 1_000)
  if (/^\d{9,11}$/.test(text)) return Number(text)
  throw new CliError(
    `--at is "${text}"; it must be unix seconds, for example 1732330000`,
    EXIT.usage,
  )
}
