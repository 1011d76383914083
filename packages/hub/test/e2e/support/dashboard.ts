/** The dashboard of a running demo, as its operator opens it. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import type { Demo } from '../../../src/cli/demo.ts'
import { createSetupToken, logIn } from '../../../src/operations/operator-login.ts'
import { checkPage, expectAccessible, openPage, shoot } from './browser.ts'

export const PASSWORD = 'a password of the operator'

/** Chooses the password where nobody has, and opens a page as the operator who is logged in. */
export async function openDashboard(
  browser: Browser,
  demo: Demo,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const page = await openPage(browser, { reducedMotion: 'reduce', ...options })
  const { deps } = demo.hub
  const setupToken = await createSetupToken(deps)
  if (setupToken === undefined) {
    const { token } = await logIn(deps, PASSWORD)
    const cookie = { name: 'firma-operator', value: token, url: demo.hubUrl }
    await page.context().addCookies([cookie])
    await page.goto(`${demo.hubUrl}/dashboard/`)
  } else {
    await page.goto(`${demo.hubUrl}/dashboard/#${setupToken}`)
    await page.getByLabel('New password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Choose and log in' }).click()
  }
  await page.getByRole('navigation', { name: 'Pages' }).waitFor({ state: 'attached' })
  return page
}

/** Looks at the page as it is now: on a desk light and dark, and on a phone. */
export async function inspect(page: Page, name: string): Promise<void> {
  const size = page.viewportSize()
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await checkPage(page)
    await expectAccessible(page)
    await shoot(page, `dashboard-${name}-${colorScheme}`)
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize({ width: 360, height: 740 })
  await checkPage(page)
  await expectAccessible(page)
  await shoot(page, `dashboard-${name}-phone`)
  if (size !== null) await page.setViewportSize(size)
}
