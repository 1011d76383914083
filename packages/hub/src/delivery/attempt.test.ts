import { createHmac } from 'node:crypto'
import { verifySignature, type Hmac } from 'firma-receiver'
import { verifyTerraWebhookSignature } from 'terra-api'
import { describe, expect, it } from 'vitest'
import { createDeliveryLab, namesOf } from '../../test/support/delivery-lab.ts'
import { readLedgers } from '../../test/support/ledger.ts'
import { EPOCH_MS } from '../../test/support/test-clock.ts'
import { HOUR_MS } from '../core/time.ts'

const hmac: Hmac = (key, ...parts) =>
  createHmac('sha256', key)
    .update(Buffer.concat(parts.map((part) => Buffer.from(part))))
    .digest()

describe('what a delivery carries', () => {
  it('has exactly the headers of the design beside those of HTTP', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A')
    const eventId = await lab.announce('one', 'L1')
    const worker = lab.startWorker()
    await worker.idle()
    const [delivered] = app.received
    const { host: _host, connection: _connection, ...headers } = delivered?.headers ?? {}
    expect(headers).toEqual({
      'content-length': String(delivered?.body.length),
      'content-type': 'application/json',
      'user-agent': expect.stringMatching(/^Firma\/\d/),
      'x-terra-signature': expect.stringMatching(/^t=1728272700,v1=[0-9a-f]{64}$/),
      'terra-signature': headers['x-terra-signature'],
      'terra-reference': eventId,
      'x-terra-trace-id': eventId,
      'x-terra-ordering-timestamp': String(EPOCH_MS),
      'webhook-id': eventId,
      'webhook-timestamp': '1728272700',
      'webhook-signature': expect.stringMatching(/^v1,[\w+/]{43}=$/),
    })
  })

  it('is signed so that the receiver and Terra’s own client accept it', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A')
    await lab.announce('one', 'L1')
    await lab.startWorker().idle()
    const [delivered] = app.received
    const header = (name: string): string => String(delivered?.headers[name])
    const secret = 'secret of A'
    const official = { tolerance: Number.MAX_SAFE_INTEGER }
    for (const name of ['x-terra-signature', 'terra-signature']) {
      expect(
        await verifyTerraWebhookSignature(delivered?.body ?? '', header(name), secret, official),
      ).toBe(true)
    }
    const terra = { terra: header('x-terra-signature') }
    const standard = {
      webhookId: header('webhook-id'),
      webhookTimestamp: header('webhook-timestamp'),
      webhookSignature: header('webhook-signature'),
    }
    const none = {
      terra: undefined,
      webhookId: undefined,
      webhookTimestamp: undefined,
      webhookSignature: undefined,
    }
    for (const headers of [terra, standard]) {
      await expect(
        verifySignature({
          body: Buffer.from(delivered?.body ?? ''),
          headers: { ...none, ...headers },
          secrets: [{ secret }],
          nowSeconds: EPOCH_MS / 1_000,
          hmac,
        }),
      ).resolves.toMatchObject({ timestampSeconds: EPOCH_MS / 1_000 })
    }
  })

  it('is the same at each attempt, but for the time of the attempt and its signatures', async () => {
    const lab = await createDeliveryLab()
    const app = await lab.addApp('A')
    app.answer = () => ({ status: app.received.length === 1 ? 500 : 200 })
    await lab.announce('one', 'L1')
    await lab.advanceByMs(lab.startWorker(), HOUR_MS)
    const [first, second] = app.received
    const changing = [
      'x-terra-signature',
      'terra-signature',
      'webhook-timestamp',
      'webhook-signature',
    ]
    const changed = Object.keys(first?.headers ?? {}).filter(
      (name) => first?.headers[name] !== second?.headers[name],
    )
    expect(changed.toSorted((a, b) => a.localeCompare(b))).toEqual(
      changing.toSorted((a, b) => a.localeCompare(b)),
    )
    expect(second?.body).toBe(first?.body)
  })

  it('goes only to destinations that want the type', async () => {
    const lab = await createDeliveryLab()
    const all = await lab.addApp('all')
    const some = await lab.addApp('some', { eventTypes: ['deauth'] })
    const extended = await lab.addApp('extended', { wantsExtensions: true })
    await lab.announce('auth', 'L1', 'auth')
    await lab.announce('deauth', 'L1', 'deauth')
    await lab.announce('recovered', 'L1', 'connection_recovered')
    await lab.startWorker().idle()
    expect(namesOf(all)).toEqual(['auth', 'deauth'])
    expect(namesOf(some)).toEqual(['deauth'])
    expect(namesOf(extended)).toEqual(['auth', 'deauth', 'recovered'])
    expect(await readLedgers(lab)).toMatchObject({ owed: 6, delivered: 6, errors: [] })
  })
})
