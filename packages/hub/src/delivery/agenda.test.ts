import { describe, expect, it } from 'vitest'
import { Agenda } from './agenda.ts'

describe('Agenda', () => {
  it('serves whoever was served longest ago first', () => {
    const agenda = new Agenda()
    agenda.wake(['A', 'B', 'C'])
    agenda.takeWoken()
    expect([...agenda.due(1)]).toEqual(['A', 'B', 'C'])
    agenda.moveBack('A')
    agenda.moveBack('unknown')
    expect([...agenda.due(1)]).toEqual(['B', 'C', 'A'])
  })

  it('knows the earliest time, whatever it hears later', () => {
    const agenda = new Agenda()
    agenda.expect('A', 50)
    agenda.expect('A', 80)
    agenda.expect('B', 70)
    expect([...agenda.due(49)]).toEqual([])
    expect(agenda.nextAfterMs(0)).toBe(50)
    expect([...agenda.due(50)]).toEqual(['A'])
    expect(agenda.nextAfterMs(50)).toBe(70)
    agenda.settle('A', 90)
    agenda.settle('B', undefined)
    expect(agenda.nextAfterMs(50)).toBe(90)
    agenda.replace([{ destinationId: 'C', dueAtMs: 60 }])
    expect(agenda.nextAfterMs(50)).toBe(60)
    expect(agenda.nextAfterMs(60)).toBeUndefined()
  })

  it('keeps what it heard of during a turn for the next one', () => {
    const agenda = new Agenda()
    agenda.wake(['A'])
    agenda.settle('A', undefined)
    agenda.takeWoken()
    expect([...agenda.due(1)]).toEqual(['A'])
  })
})
