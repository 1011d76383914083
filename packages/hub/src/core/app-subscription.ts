/** Which of an app's subscriptions at a provider have to be made, renewed and removed. */

/** A subscription, as the provider lists it. */
export interface FoundSubscription {
  readonly id: string
  /** Where its notices go. */
  readonly address: string
  /** Which of the wanted topics it is about; null for another. */
  readonly topic: string | null
  /** Null where it does not end. */
  readonly endsAtMs: number | null
}

export interface SubscriptionAim {
  /** Everything that the app has. */
  readonly found: readonly FoundSubscription[]
  /** Empty when the app is given up. */
  readonly topics: readonly string[]
  /** Where notices are taken now. Those of environments that share the app count for all of them. */
  readonly addresses: readonly string[]
  /** The one among them that this environment answers for; undefined when it gives the app up. */
  readonly ownAddress: string | undefined
  /** How addresses of these environments begin, earlier ones too. */
  readonly beginnings: readonly string[]
  /** Ids of those that this hub has made, wherever it was at that time. */
  readonly made: readonly string[]
  /** The app can have one only. */
  readonly isOnlyOne: boolean
  /** Those that end before this have to be renewed. */
  readonly renewBeforeMs: number
}

export interface SubscriptionPlan {
  /** In force, one for each topic that has one. */
  readonly kept: readonly FoundSubscription[]
  readonly remove: readonly FoundSubscription[]
  readonly renew: readonly FoundSubscription[]
  /** Topics without one. */
  readonly create: readonly string[]
  /** Somebody else's, which leaves no room for ours. */
  readonly inTheWay: FoundSubscription | undefined
}

/** Others' subscriptions are left alone: an operator may have another system at the same app. */
export function planSubscriptions(aim: SubscriptionAim): SubscriptionPlan {
  const isLive = ({ address }: FoundSubscription): boolean => aim.addresses.includes(address)
  const isOurs = (one: FoundSubscription): boolean =>
    isLive(one) ||
    aim.made.includes(one.id) ||
    aim.beginnings.some((beginning) => one.address.startsWith(beginning))
  const ours = aim.found.filter(isOurs).toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const kept = aim.topics.flatMap(
    (topic) => ours.find((one) => one.topic === topic && isLive(one)) ?? [],
  )
  const create = aim.topics.filter((topic) => kept.every((one) => one.topic !== topic))
  const others = aim.found.filter((one) => !ours.includes(one))
  return {
    kept,
    // A second one for a topic, too: two environments may have made theirs at the same time.
    remove: ours.filter(
      (one) => !kept.includes(one) && (!isLive(one) || one.address === aim.ownAddress),
    ),
    renew: kept.filter(({ endsAtMs }) => endsAtMs !== null && endsAtMs < aim.renewBeforeMs),
    create,
    inTheWay: aim.isOnlyOne && create.length > 0 ? others[0] : undefined,
  }
}
