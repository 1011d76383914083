/**
 * Indexes over keys and users in buckets of events that came one after the other.
 *
 * Keys and users are random: in an index over all of them each event changes a page of its own, which is read, written, and copied into the log once after
 * each checkpoint. In buckets, inserts meet on the pages of the newest one, however large the inbox has become. A search looks into every bucket, which costs
 * one short walk each and writes nothing. The indexes are over expressions, so they hold what every version of this library inserts.
 */

/** Events in one bucket of keys: 2 to the power of this. Each search looks into all buckets, for 1.7 µs each; 60 MB of index fit into a server's memory. */
const KEY_BUCKET_BITS = 21
/** Events in one bucket of users, which are searched for seldom. */
const USER_BUCKET_BITS = 16

const keyBucket = `(seq >> ${KEY_BUCKET_BITS})::integer`
const userBucket = `(seq >> ${USER_BUCKET_BITS})::integer`

/** Names of the indexes in buckets, after the prefix, and what they are on; `hashtext` hashes bytes, the same in all versions. */
export const BUCKET_INDEXES: readonly { readonly name: string; readonly on: string }[] = [
  { name: 'inbox_key_bucket', on: `((${keyBucket}), hashtext(event_key))` },
  {
    name: 'inbox_user_bucket',
    on: `((${userBucket}), hashtext(user_id)) WHERE user_id IS NOT NULL`,
  },
]

/** Names of the indexes that they take the place of. */
export const PLAIN_INDEXES: readonly string[] = ['inbox_key', 'inbox_user']

/** Adds a value to a statement; returns how the statement names it. */
export type Place = (value: unknown) => string

/**
 * Numbers of the buckets that there can be. Where the first one is, is not asked here, under the lock of all who accept: `min(seq)` walks past every event
 * that was deleted and that somebody's older snapshot keeps in the index.
 */
function bucketsSql(inbox: string, bits: number, fromSeq: string): string {
  return `ARRAY(SELECT generate_series(${fromSeq} >> ${bits}, (SELECT max(seq) FROM ${inbox}) >> ${bits})::integer)`
}

/** How an inbox is searched by keys and by users. */
export interface InboxSearch {
  /** Condition: the row has this key. */
  hasKey(key: string, place: Place): string
  /** Condition: the row is about one of these users, an array, and has a greater number. */
  isAbout(users: string, afterSeq: string, place: Place): string
}

/** Through one index over everything, as inboxes had it from their beginning. */
const PLAIN: InboxSearch = {
  hasKey: (key) => `event_key = ${key}`,
  isAbout: (users) =>
    `user_id = ANY (${users}) AND left(user_id, 255) = ANY (SELECT left(t, 255) FROM unnest(${users}) t)`,
}

/**
 * Searches an inbox; the expressions are those of its indexes.
 *
 * @param firstSeq - A number that no event has a smaller one of; the smaller it is, the more buckets are looked into for nothing. `undefined` without buckets.
 */
export function toInboxSearch(inbox: string, firstSeq: number | undefined): InboxSearch {
  if (firstSeq === undefined) return PLAIN
  return {
    // Nothing is added to the key but what keeps the plain index out of it, by whose use others are told to be there still.
    hasKey: (key, place) =>
      `${keyBucket} = ANY (${bucketsSql(inbox, KEY_BUCKET_BITS, `${place(firstSeq)}::bigint`)}) AND hashtext(event_key) = hashtext(${key}) AND event_key || '' = ${key}`,
    isAbout: (users, afterSeq, place) =>
      `user_id = ANY (${users}) AND hashtext(user_id) = ANY (ARRAY(SELECT hashtext(t) FROM unnest(${users}) t))
        AND ${userBucket} = ANY (${bucketsSql(inbox, USER_BUCKET_BITS, `greatest(${place(firstSeq)}::bigint, ${afterSeq})`)})`,
  }
}
