/** The documentation's pages as people read them. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestHub } from '../support/create-test-hub.ts'
import {
  PHONE,
  checkPage,
  expectAccessible,
  launchBrowser,
  openPage,
  shoot,
} from './support/browser.ts'

const PAGES = ['', '/quickstart-app', '/faq', '/search?q=How+do+I+get+events%3F', '/nowhere']

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => await browser.close())

it.each([
  ['wide', {}],
  ['phone', PHONE],
] as const)('can be read by everyone on a %s screen, light and dark', async (name, options) => {
  const hub = await createTestHub()
  const page = await openPage(browser, options)
  for (const path of PAGES) {
    await page.goto(`${hub.url}/docs${path}`)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      expect(await checkPage(page)).not.toBe('')
      await expectAccessible(page)
    }
  }
  await page.goto(`${hub.url}/docs/quickstart-app`)
  await shoot(page, `docs-${name}`)
})
