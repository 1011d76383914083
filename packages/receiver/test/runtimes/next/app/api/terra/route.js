import { receiver } from '../../../receiver.mjs'

export const runtime = 'nodejs'
export const POST = (request) => receiver.fetch(request)
