/** Secrets: values that must not be printed, and how they are made, compared and kept. */
import { hash, timingSafeEqual } from 'node:crypto'
import { inspect } from 'node:util'
import type { Random } from './deps.ts'

/**
 * A value that is opened when somebody needs it, so that one that does not open fails there and not
 * every other row that is read along with it.
 */
export class Sealed<T> {
  readonly open: () => T

  constructor(open: () => T) {
    this.open = open
  }
}

/** A {@link Sealed} value that is opened once: for what stays in memory anyway. */
export function sealedOnce<T>(open: () => T): Sealed<T> {
  let opened: { readonly value: T } | undefined
  return new Sealed(() => (opened ??= { value: open() }).value)
}

/** Hides a value from logs, JSON and inspection; reading it is an explicit call. */
export class Redacted<T> {
  readonly #read: () => T

  /** @param value The value, or {@link Sealed} one. */
  constructor(value: T | Sealed<T>) {
    this.#read = value instanceof Sealed ? value.open : () => value
  }

  /** The value itself. Every call is a place to review. */
  reveal(): T {
    return this.#read()
  }

  toString(): string {
    return '[redacted]'
  }

  toJSON(): string {
    return '[redacted]'
  }

  [inspect.custom](): string {
    return '[redacted]'
  }
}

/** A new secret of 256 random bits, safe in URLs and cookies. */
export function createSecret(random: Random): string {
  return Buffer.from(random.bytes(32)).toString('base64url')
}

/**
 * A new signing secret, in the form that Standard Webhooks libraries take. Terra's scheme uses the
 * whole text as its key.
 */
export function createSigningSecret(random: Random): string {
  return `whsec_${Buffer.from(random.bytes(32)).toString('base64')}`
}

/**
 * What is stored in place of a secret: SHA-256 in hex. Our secrets are random and long, so a fast
 * digest without salt is enough.
 */
export function digest(secret: string): string {
  return hash('sha256', secret, 'hex')
}

/** Compares two digests in constant time. */
export function isSameDigest(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
