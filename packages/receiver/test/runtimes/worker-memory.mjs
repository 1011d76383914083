// A Worker whose store lives as long as its isolate.
import { createReceiver, memoryStore } from 'firma-receiver'

const receiver = createReceiver({ secrets: ['test-secret'], store: memoryStore() })

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url)
    if (pathname === '/terra') return receiver.fetch(request)
    return Response.json((await receiver.resolve(searchParams.get('user_id'))) ?? null)
  },
}
