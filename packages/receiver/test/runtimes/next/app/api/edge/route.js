import { createReceiver, memoryStore } from 'firma-receiver'

const receiver = createReceiver({ secrets: ['test-secret'], store: memoryStore() })

export const runtime = 'edge'
export const POST = (request) => receiver.fetch(request)
export const GET = async (request) => {
  const userId = new URL(request.url).searchParams.get('user_id')
  return Response.json((await receiver.resolve(userId)) ?? null)
}
