import { describe, expect, it } from 'vitest'
import { MESSAGE_TYPE, parseMessage, readResult } from './result.ts'

describe('readResult', () => {
  it('reads a connection', () => {
    const search = '?tab=1&user_id=u-1&reference_id=tony&resource=GARMIN&firma_sig=s'
    expect(readResult(search)).toEqual({
      outcome: 'connected',
      userId: 'u-1',
      referenceId: 'tony',
      resource: 'GARMIN',
      reason: null,
      confirmCode: null,
      parameters: {
        tab: '1',
        user_id: 'u-1',
        reference_id: 'tony',
        resource: 'GARMIN',
        firma_sig: 's',
      },
    })
  })

  it('reads what the back end has to confirm, which is no connection', () => {
    expect(readResult('?confirm_code=c&reference_id=tony&user_id=u-1')).toMatchObject({
      outcome: 'unconfirmed',
      userId: null,
      confirmCode: 'c',
    })
  })

  it('reads a failure, which names no user whatever the address says', () => {
    expect(readResult('?reason=access_denied&user_id=u-1')).toMatchObject({
      outcome: 'failed',
      userId: null,
      reason: 'access_denied',
      resource: null,
    })
  })

  it('finds nothing in an address that no flow has ended at', () => {
    expect(readResult('?tab=1')).toBeUndefined()
  })
})

describe('parseMessage', () => {
  const result = readResult('?user_id=u-1')

  it('takes what a return page sends', () => {
    const message = { type: MESSAGE_TYPE, attempt: 'a', result }
    expect(parseMessage(message)).toEqual(message)
    expect(parseMessage({ ...message, attempt: null })).toEqual({ ...message, attempt: null })
  })

  it.each([
    undefined,
    null,
    'text',
    { type: 'other' },
    { type: MESSAGE_TYPE, attempt: 'a' },
    { type: MESSAGE_TYPE, attempt: 7, result },
    { type: MESSAGE_TYPE, attempt: 'a', result: { parameters: { user_id: 7 } } },
    { type: MESSAGE_TYPE, attempt: 'a', result: { parameters: {} } },
  ])('leaves %j alone', (data) => {
    expect(parseMessage(data)).toBeUndefined()
  })

  it('believes the parameters, not a reading of them that came along', () => {
    const forged = { ...result, userId: 'u-2' }
    expect(parseMessage({ type: MESSAGE_TYPE, attempt: 'a', result: forged })?.result.userId).toBe(
      'u-1',
    )
  })
})
