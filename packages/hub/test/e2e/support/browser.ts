/** A real browser, as people have it. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import axe from 'axe-core'
import {
  type Browser,
  type BrowserContextOptions,
  type Locator,
  type Page,
  chromium,
} from 'playwright-core'
import { expect, onTestFinished } from 'vitest'

const ARTIFACTS = fileURLToPath(new URL('../../../../../artifacts/', import.meta.url))
const PAGE_FACTS = readFileSync(new URL('page-facts.js', import.meta.url), 'utf8')

/** WCAG 2.2, success criterion 1.4.3. */
const CONTRAST_MIN = 4.5
/** WCAG 2.2, success criteria 1.4.11 and 2.4.13. */
const OUTLINE_CONTRAST_MIN = 3
/** WCAG 2.2, success criterion 2.5.8, in CSS pixels. */
const TARGET_PX_MIN = 24
/** Tab presses after which a page counts as a trap. */
const TABS_MAX = 25

export const PHONE = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true }
/** The connect pages must do everything without JavaScript. */
export const NO_SCRIPT = { javaScriptEnabled: false }

interface PageFacts {
  readonly lang: string
  readonly title: string
  readonly headings: readonly string[]
  readonly hasMain: boolean
  readonly overflowPx: number
  readonly texts: readonly { text: string; ratio: number; size: number }[]
  readonly controls: readonly { name: string; tag: string; height: number }[]
  readonly focus: { name: string; isVisible: boolean; ratio: number } | undefined
}

/** `npm test` says where the browser is and gets one if there is none. */
export async function launchBrowser(): Promise<Browser> {
  const executablePath = process.env['FIRMA_CHROMIUM'] ?? '/usr/bin/chromium'
  if (!existsSync(executablePath)) {
    throw new Error(
      `there is no browser at ${executablePath}; run: npm test -- packages/hub/test/e2e`,
    )
  }
  const args = ['no-sandbox', 'disable-quic', 'disable-background-networking', 'no-first-run']
  const more = ['disable-component-update', 'disable-sync']
  return await chromium.launch({
    executablePath,
    timeout: 300_000,
    args: [...args, ...more].map((name) => `--${name}`),
  })
}

/** A page in a browser profile of its own; it is closed when the test has finished. */
export async function openPage(browser: Browser, options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({
    viewport: { width: 1_280, height: 800 },
    ...options,
  })
  onTestFinished(async () => await context.close())
  context.setDefaultTimeout(120_000)
  const page = await context.newPage()
  page.on('pageerror', (error) => expect.soft(error).toBeUndefined())
  return page
}

/** For people to look at. */
export async function shoot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: `${ARTIFACTS}${name}.png`, fullPage: true })
}

/** A page that asks again by itself after a second does not: it stays still while it is looked at. */
export async function keepStill(page: Page): Promise<void> {
  await page.addInitScript(`
    const { setTimeout } = globalThis
    globalThis.setTimeout = (run, ms, ...rest) => ms === 1000 ? 0 : setTimeout(run, ms, ...rest)
  `)
}

export async function readFacts(page: Page): Promise<PageFacts> {
  // A click returns when the next page has begun.
  await page.waitForLoadState()
  return await page.evaluate<PageFacts>(PAGE_FACTS)
}

/** What every page of ours owes its readers. @returns Its one main heading. */
export async function checkPage(page: Page, language = 'en'): Promise<string> {
  const facts = await readFacts(page)
  expect(facts.lang).toBe(language)
  expect(facts.title).not.toBe('')
  expect(facts.headings).toHaveLength(1)
  expect(facts.hasMain).toBe(true)
  expect(facts.overflowPx).toBe(0)
  expect(facts.texts.filter(({ ratio }) => ratio < CONTRAST_MIN)).toEqual([])
  expect(facts.texts.filter(({ size }) => size < 12)).toEqual([])
  expect(facts.controls.filter(({ name }) => name === '')).toEqual([])
  const small = facts.controls.filter(({ tag, height }) => tag !== 'A' && height < TARGET_PX_MIN)
  expect(small).toEqual([])
  return facts.headings[0] ?? ''
}

/** Presses Tab until a control has the focus; every one on the way must be seen to have it. */
export async function tabTo(
  page: Page,
  name: RegExp,
  owner: 'ours' | 'provider' = 'ours',
): Promise<void> {
  for (let presses = 0; presses < TABS_MAX; presses += 1) {
    await page.keyboard.press('Tab')
    const { focus } = await readFacts(page)
    if (focus === undefined) continue
    expect(focus).toMatchObject({ isVisible: true })
    if (owner === 'ours') expect(focus.ratio).toBeGreaterThanOrEqual(OUTLINE_CONTRAST_MIN)
    if (name.test(focus.name)) return
  }
  throw new Error(`no control named ${String(name)} gets the focus`)
}

/** Looks for every breach of WCAG 2.2, A and AA, and of good practice, that a program can find. */
export async function expectAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source)
  const violations = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import('axe-core') }
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']
    const results = await axe.run({ runOnly: { type: 'tag', values: tags } })
    return results.violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)])
  })
  expect([page.url(), violations]).toEqual([page.url(), []])
}

export async function headingOf(page: Page): Promise<string> {
  await page.waitForLoadState()
  return (await page.locator('h1').innerText()).trim()
}

/**
 * Presses what is there now. A page that also tries again by itself may take the button away before a click that waits
 * for it is through.
 *
 * @returns How many there were.
 */
export async function pressAll(buttons: Locator): Promise<number> {
  return await buttons.evaluateAll((found) => {
    for (const button of found) (button as unknown as { click(): void }).click()
    return found.length
  })
}

/** Presses a button that sends a form, and waits for the page that comes after it. */
export async function press(page: Page, name: string | RegExp, within?: string): Promise<void> {
  const place = within === undefined ? page : page.getByRole('listitem').filter({ hasText: within })
  // Else the end of this page's own loading would pass for that of the next one.
  await page.waitForLoadState()
  const isLoaded = page.waitForEvent('load')
  await place.getByRole('button', { name, exact: true }).click()
  await isLoaded
}
