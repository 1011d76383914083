/** How often somebody may ask. */
export interface RateLimits {
  /** Requests of one key in a minute. */
  readonly perKey: number
  /** Requests without good credentials from one address in a minute. */
  readonly perAddress: number
}

export const RATE_LIMITS: RateLimits = { perKey: 6_000, perAddress: 300 }
