import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { headingOf, launchBrowser, openPage } from './support/browser.ts'
import { inspect, openDashboard } from './support/dashboard.ts'
import { createDataFolder, startTestDemo } from './support/start-test-demo.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(async () => await browser.close())

async function openSettings(): Promise<{ page: Page; hubUrl: string; link: string }> {
  const demo = await startTestDemo(await createDataFolder())
  const page = await openDashboard(browser, demo)
  await page.goto(`${demo.hubUrl}/dashboard/settings`)
  await page.getByRole('table', { name: 'API keys' }).waitFor()
  return { page, hubUrl: demo.hubUrl, link: await demo.client.createLink('tony_stark') }
}

function card(page: Page, name: string) {
  return page.getByRole('region', { name })
}

describe('the settings', () => {
  it('change what the connect page looks like, and are on record', async () => {
    const { page, link } = await openSettings()
    await inspect(page, 'settings')
    await card(page, 'Connect page').getByLabel('Accent colour').fill('pink')
    await card(page, 'Connect page').getByRole('button', { name: 'Save' }).click()
    expect(await card(page, 'Connect page').getByRole('alert').innerText()).toMatch(
      /^The accent is a colour like/,
    )
    await card(page, 'Connect page').getByLabel('Accent colour').fill('#7a3d8f')
    await card(page, 'Connect page').getByLabel('Why you ask').fill('To plan your training.')
    await card(page, 'Connect page').getByRole('button', { name: 'Save' }).click()
    await page.getByText('Saved').waitFor()
    await page.getByRole('table', { name: 'Audit log' }).getByText('environment.change').waitFor()
    const person = await openPage(browser, {})
    await person.goto(link)
    expect(await person.locator('main').innerText()).toContain('To plan your training.')
  })

  it('do not undo what somebody else has changed meanwhile', async () => {
    const { page, hubUrl } = await openSettings()
    const other = await page.context().newPage()
    await other.goto(`${hubUrl}/dashboard/settings`)
    const purpose = (one: Page) => card(one, 'Connect page').getByLabel('Why you ask')
    const save = async (one: Page, name: string): Promise<void> =>
      await card(one, name).getByRole('button', { name: 'Save' }).click()
    await purpose(page).fill('Mine.')
    await purpose(other).fill('Theirs.')
    await save(other, 'Connect page')
    await card(other, 'Connect page').getByText('Saved').waitFor()
    // Another part of the settings gets in nobody's way.
    await card(page, 'Redirects').getByLabel('Schemes').fill('myapp')
    await save(page, 'Redirects')
    await card(page, 'Redirects').getByText('Saved').waitFor()
    await save(page, 'Connect page')
    await page.getByText('Somebody else has changed this meanwhile.').waitFor()
    await inspect(page, 'settings-collision')
    await page.getByRole('button', { name: 'Show what is there now' }).click()
    expect(await purpose(page).inputValue()).toBe('Theirs.')
    await purpose(page).fill('Mine.')
    await purpose(other).fill('Theirs again.')
    await save(other, 'Connect page')
    await card(other, 'Connect page').getByText('Saved').waitFor()
    await save(page, 'Connect page')
    await page.getByRole('button', { name: 'Save mine all the same' }).click()
    await card(page, 'Connect page').getByText('Saved').waitFor()
    await page.reload()
    expect(await purpose(page).inputValue()).toBe('Mine.')
  })

  it('put an environment away, and take it back', async () => {
    const { page, link } = await openSettings()
    await page.getByRole('button', { name: 'Archive this environment …' }).click()
    await inspect(page, 'archive')
    await page.getByRole('button', { name: 'Archive', exact: true }).click()
    await page.getByText('Demo app is archived').waitFor()
    await inspect(page, 'archived')
    await page.getByRole('searchbox', { name: 'Action' }).fill('environment.archive')
    const log = page.getByRole('table', { name: 'Audit log' })
    await log.getByText('environment.create').waitFor({ state: 'detached' })
    // For a moment there is none: the filtered ones are on their way.
    await expect.poll(async () => await log.locator('[data-index]').count()).toBe(1)
    await page.getByRole('button', { name: 'Restore this environment' }).click()
    await page.getByText('Demo app is archived').waitFor({ state: 'detached' })
    const person = await openPage(browser, {})
    await person.goto(link)
    expect(await headingOf(person)).toBe('Connect your device')
  })

  it('make, rotate and end a key, each secret shown once', async () => {
    const { page } = await openSettings()
    await page.getByRole('button', { name: 'New key …' }).click()
    await page.getByRole('dialog').getByLabel('Name').fill('back end')
    await inspect(page, 'new-key')
    await page.getByRole('button', { name: 'Make the key' }).click()
    await page.getByText('It is shown now and never again.').waitFor()
    const secret = await page.locator('dialog code').innerText()
    expect(secret.length).toBeGreaterThan(30)
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('button', { name: 'Rotate back end' }).click()
    await page.getByRole('button', { name: 'Rotate', exact: true }).last().click()
    expect(await page.locator('dialog code').innerText()).not.toBe(secret)
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('button', { name: 'End back end' }).first().click()
    await page.getByRole('button', { name: 'End it now' }).click()
    await page.getByRole('table', { name: 'API keys' }).getByText('ended').waitFor()
    expect(await page.locator('main').innerText()).not.toContain(secret)
  })

  it('make an environment, with its secrets shown once', async () => {
    const { page } = await openSettings()
    await page.getByRole('button', { name: 'New environment …' }).click()
    await page.getByLabel('dev-id').fill('acme-staging')
    await page.getByRole('dialog').getByLabel('Name').fill('Staging')
    await page.getByRole('button', { name: 'Create' }).click()
    await page.getByText('Secret of firma_sig').waitFor()
    expect(await page.locator('dialog code').count()).toBe(2)
    await page.getByRole('button', { name: 'Done' }).click()
    await page.getByRole('combobox', { name: 'Environment' }).selectOption('acme-staging')
    await page.getByText('(acme-staging)').waitFor()
  })
})

describe('the providers', () => {
  it('are disabled, and enabled again with credentials of one’s own', async () => {
    const demo = await startTestDemo(await createDataFolder())
    const page = await openDashboard(browser, demo)
    await page.goto(`${demo.hubUrl}/dashboard/providers`)
    await page.getByRole('link', { name: 'Garmin', exact: true }).waitFor()
    await inspect(page, 'providers')
    await page.getByRole('searchbox').fill('polar')
    await page.getByRole('link', { name: 'Polar', exact: true }).click()
    // The demo has every simulated provider.
    await page.getByRole('button', { name: 'Disable …' }).click()
    await page.getByRole('button', { name: 'Disable', exact: true }).click()
    await page.getByText('not enabled').waitFor()
    await page.getByText('To be registered there').waitFor()
    expect(await page.locator('main').innerText()).toContain('/callback/demo-testing/POLAR')
    await page.getByLabel('Client id').fill('my-client')
    await page.getByLabel('Client secret').fill('my-secret')
    await page.getByRole('button', { name: 'Enable' }).click()
    await page.getByText('Saved').waitFor()
    await page.getByRole('button', { name: 'Disable …' }).waitFor()
    await inspect(page, 'provider')
    expect(await headingOf(page)).toBe('Polar')
  })
})
