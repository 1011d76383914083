import { expect, it, onTestFinished } from 'vitest'
import { listen } from './serve.ts'

it('answers as the API does before there is an application', async () => {
  const port = await listen('127.0.0.1', 0)
  onTestFinished(async () => await port.close())
  const early = await fetch(`${port.url}/v2/auth/generateWidgetSession`, { method: 'POST' })
  expect([early.status, early.headers.get('retry-after')]).toEqual([503, '1'])
  expect(early.headers.get('content-type')).toBe('application/problem+json')
  expect(await early.json()).toMatchObject({
    code: 'hub_starting',
    status: 'error',
    instance: '/v2/auth/generateWidgetSession',
  })
  port.serve(async () => new Response('ready'))
  expect(await (await fetch(port.url)).text()).toBe('ready')
})

it('keeps no connection for more when it has answered while it closes', async () => {
  const port = await listen('127.0.0.1', 0)
  let answer = (_response: Response): void => {}
  let isAsked = (): void => {}
  const asked = new Promise<void>((resolve) => (isAsked = resolve))
  port.serve(async () => {
    isAsked()
    return await new Promise<Response>((resolve) => (answer = resolve))
  })
  const answering = fetch(port.url)
  await asked
  const closing = port.close()
  answer(new Response('done'))
  const response = await answering
  expect(response.headers.get('connection')).toBe('close')
  expect(await response.text()).toBe('done')
  await closing
})
