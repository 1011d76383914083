import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  LOGO_LENGTH_MAX,
  NO_BRAND,
  contrastOf,
  logoSource,
  readableAccent,
  refuseBrand,
} from './brand.ts'

const hexColor = fc
  .integer({ min: 0, max: 0xff_ff_ff })
  .map((value) => `#${value.toString(16).padStart(6, '0')}`)

describe('readableAccent', () => {
  it.each([
    ['light', ['#ffffff', '#f6f6f3']],
    ['dark', ['#1b1f1d', '#101312']],
  ])('makes every colour readable on %s pages, alone and under text', (_theme, backgrounds) => {
    fc.assert(
      fc.property(hexColor, (accent) => {
        const { color, ink } = readableAccent(accent, backgrounds)
        for (const ground of backgrounds) {
          expect(contrastOf(color, ground)).toBeGreaterThanOrEqual(4.5)
        }
        expect(contrastOf(color, ink)).toBeGreaterThanOrEqual(4.5)
      }),
    )
  })

  it('leaves a colour that is readable as it is', () => {
    expect(readableAccent('#1f6b4a', ['#ffffff'])).toEqual({ color: '#1f6b4a', ink: '#ffffff' })
  })
})

describe('logoSource', () => {
  it.each([
    ['https://app.example/logo.png', 'https://app.example'],
    ['data:image/png;base64,iVBORw0KGgo=', 'data:'],
    ['data:image/svg+xml;base64,PHN2Zy8+', 'data:'],
    ['http://app.example/logo.png', null],
    ['https://user@app.example/logo.png', null],
    ["https://app.example/;script-src 'unsafe-inline'", null],
    ['data:text/html;base64,PHN2Zy8+', null],
    ['javascript:alert(1)', null],
    ['', null],
  ])('of %s is %s', (logo, source) => {
    expect(logoSource(logo)).toBe(source)
  })
})

describe('refuseBrand', () => {
  it('takes nothing at all, and what is right', () => {
    expect(refuseBrand(NO_BRAND)).toBeNull()
    const logo = 'https://app.example/logo.png'
    expect(refuseBrand({ accent: '#AA00ff', logo, purpose: 'To plan your training.' })).toBeNull()
  })

  it('says what is wrong', () => {
    expect(refuseBrand({ ...NO_BRAND, accent: 'red' })).toContain('not "red"')
    expect(refuseBrand({ ...NO_BRAND, logo: 'logo.png' })).toContain('https address')
    const large = `data:image/png;base64,${'A'.repeat(LOGO_LENGTH_MAX)}`
    expect(refuseBrand({ ...NO_BRAND, logo: large })).toContain('make it smaller')
    expect(refuseBrand({ ...NO_BRAND, purpose: 'x'.repeat(501) })).toContain('at most 500')
  })
})
