/** Requests come in while the hub is open; whoever closes it waits for their answers. */

/** Answers a request. */
type Answer = (request: Request, socketAddress?: string) => Promise<Response>

export interface Door {
  readonly fetch: Answer
  /** Lets nobody in any more. Resolves when all who are in have their answer. */
  stop(): Promise<void>
}

export function createDoor(answer: Answer): Door {
  const inside = new Set<Promise<Response>>()
  let isOpen = true
  return {
    fetch: async (request, socketAddress) => {
      if (!isOpen) return new Response('closing', { status: 503, headers: { 'retry-after': '1' } })
      const answering = answer(request, socketAddress)
      inside.add(answering)
      try {
        return await answering
      } finally {
        inside.delete(answering)
      }
    },
    stop: async () => {
      isOpen = false
      await Promise.allSettled(inside)
    },
  }
}
