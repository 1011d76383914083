import { expect, it } from 'vitest'
import { createDashboard } from './dashboard.ts'

it.each(['/', '/dashboard', '/dashboard/', '/dashboard/users/1', '/dashboard/assets/none.js'])(
  'lets %s run scripts of its own only, and nobody frame it',
  async (path) => {
    const answer = await (await createDashboard())(new Request(`https://hub.test${path}`))
    expect(answer?.headers.get('content-security-policy')?.split('; ')).toEqual([
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "connect-src 'self'",
      "img-src 'self' data:",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ])
  },
)
