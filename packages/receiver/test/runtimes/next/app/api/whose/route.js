import { receiver } from '../../../receiver.mjs'

export const GET = async (request) => {
  const userId = new URL(request.url).searchParams.get('user_id')
  return Response.json((await receiver.resolve(userId)) ?? null)
}
