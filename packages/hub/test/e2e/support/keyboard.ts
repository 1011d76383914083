/** A page as somebody finds it who has no mouse. */
import { readFileSync } from 'node:fs'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'

const TAB_STOP = readFileSync(new URL('tab-stop.js', import.meta.url), 'utf8')

/** Presses after which a page counts as a trap; a field for a time takes seven. */
const PRESSES_MAX = 400

interface TabStop {
  readonly name: string
  readonly isSame: boolean
  readonly isAfter: boolean
  readonly isMarked: boolean
  readonly isInSight: boolean
  readonly isInMain: boolean
  readonly faults: readonly string[]
}

/**
 * Presses Tab until the page is over. Every stop comes after the one before, is in sight and is seen to have the
 * focus.
 *
 * @returns The names of the stops: those beside the page, and those of the page itself.
 */
export async function tabThrough(page: Page): Promise<{ around: string[]; main: string[] }> {
  const around: string[] = []
  const main: string[] = []
  for (let presses = 0; presses < PRESSES_MAX; presses += 1) {
    await page.keyboard.press('Tab')
    const stop = await page.evaluate<TabStop | undefined>(TAB_STOP)
    // The browser's own controls come next, or the first one once more.
    if (stop === undefined) return { around, main }
    const isFirst = stop.name === around[0] && !stop.isAfter
    if (isFirst) return { around, main }
    if (stop.isSame) continue
    expect({ url: page.url(), ...stop }).toMatchObject({
      isAfter: true,
      isMarked: true,
      isInSight: true,
      faults: [],
    })
    if (stop.isInMain) main.push(stop.name)
    else around.push(stop.name)
  }
  throw new Error(`the focus does not leave ${page.url()} in ${PRESSES_MAX} presses of Tab`)
}
