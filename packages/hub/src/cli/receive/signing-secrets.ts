import type { SigningSecret } from 'firma-receiver'

/**
 * Reads `secret,secret` or `[environment]secret,…`. Neither `=` nor `:` divides, because secrets may hold them; in a file there is one
 * per line, so that they may hold commas, too. A secret that itself begins with `[` is written `[]…`.
 *
 * @param toError Makes the complaint from what the value must be.
 */
export function readSigningSecrets(
  text: string,
  isFile: boolean,
  toError: (must: string) => Error,
): readonly SigningSecret[] {
  const entries = text
    .split(isFile ? /\r?\n/ : ',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
  if (entries.length === 0) throw toError('at least one secret')
  return entries.map((entry) => toSigningSecret(entry, toError))
}

function toSigningSecret(entry: string, toError: (must: string) => Error): SigningSecret {
  if (!entry.startsWith('[')) return { secret: checkSecret(entry, toError) }
  const [, environment = '', secret = ''] = /^\[([\w.-]{0,64})\](.+)$/.exec(entry) ?? []
  if (secret === '') {
    throw toError('[environment]secret, with letters, digits, ".", "_" and "-" in the environment')
  }
  checkSecret(secret, toError)
  return environment === '' ? { secret } : { secret, environment }
}

function checkSecret(secret: string, toError: (must: string) => Error): string {
  // A common way to write it, which would otherwise be taken for one long secret that nothing matches.
  if (/^(live|prod|production|staging|testing|test|dev|development)[=:]/.test(secret)) {
    throw toError('[environment]secret for a secret of an environment, with square brackets')
  }
  return secret
}
