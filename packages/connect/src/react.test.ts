// @vitest-environment happy-dom
import { cleanup, fireEvent, render } from '@testing-library/react'
import { createElement } from 'react'
import { afterEach, describe, expect, it } from 'vitest'
import { FirmaConnect, type FirmaConnectProps } from './react.ts'
import { readResult } from './result.ts'

afterEach(cleanup)

function mount(props: Partial<FirmaConnectProps> = {}) {
  const createSession = async (): Promise<string> => 'javascript:alert(1)'
  const all = { createSession, mode: 'redirect' as const, className: 'big', ...props }
  const { container, rerender } = render(createElement(FirmaConnect, all, 'Connect'))
  const element = container.querySelector('firma-connect')
  if (element === null) throw new Error('nothing was rendered')
  return { element, rerender }
}

describe('<FirmaConnect>', () => {
  it('hands the events of the element to the newest handlers', () => {
    const told: string[] = []
    const { element, rerender } = mount({ onConnected: () => void told.push('old') })
    const createSession = async (): Promise<string> => ''
    const onConnected = (): void => void told.push('new')
    rerender(createElement(FirmaConnect, { createSession, onConnected }))
    fireEvent(element, new CustomEvent('firma-connected', { detail: readResult('?user_id=u') }))
    expect(told).toEqual(['new'])
    expect(element.getAttribute('class')).toBeNull()
  })

  it('goes nowhere but to http(s), and says so', async () => {
    const said = new Promise<string>((resolve) => {
      const { element } = mount({ onError: resolve })
      expect(element.getAttribute('class')).toBe('big')
      element.shadowRoot?.querySelector('button')?.click()
    })
    expect(await said).toContain('must be an http(s) address')
  })
})
