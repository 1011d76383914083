/** Every address of the hub that leaves it, in one place. */

/** Built from the public base URL in the configuration, never from a request's Host header. */
export interface Links {
  /** The connect page of a widget session. */
  session(token: string): string
  /** The page with the connections of the session's person. */
  connections(token: string): string
  /** The start of a flow to one provider. */
  direct(token: string): string
  /** The page that takes one person to the successor of a provider. */
  move(token: string): string
  /** Where a provider sends browsers back to: constant per provider and environment. */
  callback(environmentId: string, provider: string): string
  /** Where a flow stands, for the browser that it belongs to. */
  flow(flowId: string): string
  /** Where a provider sends its notices to; the key is secret. */
  notices(environmentId: string, provider: string, key: string): string
  /** An address of the documentation, by its path from the root. */
  documentation(path: string): string
  /** Whether the hub is reached by https, so that cookies can be bound to it. */
  readonly isSecure: boolean
}

export interface LinksDep {
  readonly links: Links
}

/** @param baseUrl Without a trailing slash, for example `https://connect.example.com`. */
export function createLinks(baseUrl: string): Links {
  return {
    session: (token) => `${baseUrl}/session/${token}`,
    connections: (token) => `${baseUrl}/session/${token}/connections`,
    direct: (token) => `${baseUrl}/connect/${token}`,
    move: (token) => `${baseUrl}/connect/move/${token}`,
    callback: (environmentId, provider) =>
      `${baseUrl}/callback/${encodeURIComponent(environmentId)}/${provider}`,
    flow: (flowId) => `${baseUrl}/flow/${flowId}`,
    notices: (environmentId, provider, key) =>
      `${baseUrl}/notices/${encodeURIComponent(environmentId)}/${provider}/${key}`,
    documentation: (path) => baseUrl + path,
    isSecure: baseUrl.startsWith('https:'),
  }
}
