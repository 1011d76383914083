/** Where a browser goes when a flow has ended: which URLs an app may name, and how they are extended. */

/** Longest redirect URL accepted, in characters. */
export const REDIRECT_URL_LENGTH_MAX = 2_048

/** Schemes that run code or read files in the browser that follows them. Never allowed, whatever is configured. */
const FORBIDDEN_SCHEMES = new Set([
  'about',
  'blob',
  'chrome',
  'data',
  'file',
  'filesystem',
  'ftp',
  'intent',
  'javascript',
  'mailto',
  'resource',
  'tel',
  'vbscript',
  'view-source',
  'ws',
  'wss',
])

export interface RedirectPolicy {
  /** Schemes of the app's own deep links, lower case, for example `myapp`. */
  readonly schemes: readonly string[]
  /**
   * Exact URLs (scheme, host, port and path; the query may differ); null allows every http(s) URL,
   * which is meant for development.
   */
  readonly allowList: readonly string[] | null
}

/**
 * Checks a redirect URL that an app asks for.
 *
 * @returns Why it is refused, as the end of a sentence that starts with its parameter's name;
 *   null when it is fine.
 */
export function refuseRedirectUrl(url: string, policy: RedirectPolicy): string | null {
  if (url.length > REDIRECT_URL_LENGTH_MAX) {
    return `is ${url.length} characters long; at most ${REDIRECT_URL_LENGTH_MAX} are allowed`
  }
  // Browsers drop or turn these, and a Location header carries no more than ASCII, so what was checked
  // would not be what is opened.
  if (/[^!-[\]-~]/.test(url)) {
    return 'contains a space, a backslash, a control character or one beyond ASCII; encode it'
  }
  // Without both slashes a browser reads `https:next` as a path below the page that it is on.
  if (!URL.canParse(url) || /^https?:(?!\/\/[^/])/i.test(url)) {
    return 'is not an absolute URL; send one like https://app.example/connected'
  }
  const parsed = new URL(url)
  const scheme = parsed.protocol.slice(0, -1)
  // In the text, because the parser forgets a user name that is empty.
  if (/^[^/?#]*\/\/[^/?#]*@/.test(url)) return 'must not contain a user name or password'
  if (scheme !== 'http' && scheme !== 'https') return refuseScheme(scheme, policy)
  if (policy.allowList === null) return null
  const bare = `${parsed.origin}${parsed.pathname}`
  return policy.allowList.some((allowed) => URL.canParse(allowed) && withoutQuery(allowed) === bare)
    ? null
    : `"${bare}" is not in this environment's allow-list; add it there`
}

/**
 * Checks a policy before it is stored.
 *
 * @returns What is wrong, as a sentence; null when it is fine.
 */
export function refuseRedirectPolicy({ schemes, allowList }: RedirectPolicy): string | null {
  for (const scheme of schemes) {
    if (
      /^[a-z][a-z0-9+.-]*$/.test(scheme) &&
      !FORBIDDEN_SCHEMES.has(scheme) &&
      !/^https?$/.test(scheme)
    )
      continue
    return `"${scheme}" is no scheme of deep links; send one like myapp, in lower case and without a colon`
  }
  for (const url of allowList ?? []) {
    const refusal = refuseRedirectUrl(url, { schemes: [], allowList: null })
    if (refusal !== null) return `the URL "${url.slice(0, 200)}" ${refusal}`
  }
  return null
}

function refuseScheme(scheme: string, policy: RedirectPolicy): string | null {
  if (!FORBIDDEN_SCHEMES.has(scheme) && policy.schemes.includes(scheme)) return null
  return `uses the scheme "${scheme}"; use http or https, or allow the scheme of your deep links in this environment's settings`
}

function withoutQuery(url: string): string {
  const parsed = new URL(url)
  return `${parsed.origin}${parsed.pathname}`
}

/**
 * Adds parameters to a URL and leaves all else as it was: query, fragment, deep-link form.
 *
 * @param parameters In this order; null values are left out.
 */
export function appendParameters(
  url: string,
  parameters: Readonly<Record<string, string | null>>,
): string {
  const [beforeHash = '', ...hash] = url.split('#')
  const fragment = hash.length === 0 ? '' : `#${hash.join('#')}`
  const added = Object.entries(parameters)
    .flatMap(([name, value]) => (value === null ? [] : [`${name}=${encodeValue(value)}`]))
    .join('&')
  if (added === '') return url
  const queryAt = beforeHash.indexOf('?')
  if (queryAt === -1) return `${beforeHash}?${added}${fragment}`
  // A question mark inside the query is a part of it; only the first one begins it.
  const query = beforeHash.slice(queryAt + 1)
  const joint = query === '' || query.endsWith('&') ? '' : '&'
  return `${beforeHash}${joint}${added}${fragment}`
}

/** Half a character, which encodeURIComponent throws for, becomes U+FFFD, as in a browser. */
function encodeValue(value: string): string {
  return encodeURIComponent(value.replaceAll(/\p{Surrogate}/gu, '\uFFFD'))
}
