import { describe, expect, it } from 'vitest'
import { dataKindsOf } from './data-kind.ts'

describe('dataKindsOf', () => {
  it.each([
    [
      ['ACTIVITY_EXPORT', 'HEALTH_EXPORT'],
      ['activity', 'sleep', 'heart'],
    ],
    [['COURSE_IMPORT', 'WORKOUT_IMPORT'], ['plans']],
    [
      ['activity', 'heartrate', 'sleep', 'weight'],
      ['activity', 'sleep', 'heart', 'body'],
    ],
    [
      ['email', 'personal', 'spo2'],
      ['breathing', 'profile'],
    ],
    [['user.metrics'], ['activity', 'sleep', 'body']],
    [
      ['electrocardiogram', 'oxygen_saturation'],
      ['heart', 'breathing'],
    ],
    [['something_new'], []],
    [[], []],
  ])('of %j are %j', (scopes, kinds) => {
    expect(dataKindsOf(scopes)).toEqual(kinds)
  })
})
