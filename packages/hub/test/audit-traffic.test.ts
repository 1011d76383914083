/** What is recorded of links, callbacks, refreshes and revocations, and that nobody can change it unseen. */
import { describe, expect, it } from 'vitest'
import { DAY_MS, HOUR_MS } from '../src/core/time.ts'
import { linkAudit } from '../src/operations/link-audit.ts'
import { TRAFFIC_DAYS, pruneOldRows } from '../src/operations/prune-old-rows.ts'
import { verifyAudit } from '../src/operations/verify-audit.ts'
import { createPerson } from '../src/simulator/person.ts'
import { DEV_ID, type TestHub, createTestHub } from './support/create-test-hub.ts'

interface Entry {
  readonly action: string
  readonly actor: string
  readonly subject: string
  readonly detail: Readonly<Record<string, unknown>>
}

/** Oldest first. */
async function traffic(hub: TestHub, filter = ''): Promise<Entry[]> {
  const { json } = await hub.call('GET', `/admin/v1/audit?log=traffic&limit=100${filter}`)
  return (json.data as Entry[]).toReversed()
}

async function moveOn(hub: TestHub, ms: number): Promise<void> {
  const endMs = hub.clock.nowMs() + ms
  while (hub.clock.nowMs() < endMs) {
    hub.clock.moveTo(Math.min(endMs, hub.clock.nowMs() + HOUR_MS / 2))
    await hub.hub.settle()
  }
}

describe('the log of traffic', () => {
  it('has who made a link, that it was opened, and what came of it, apart from changes', async () => {
    const hub = await createTestHub()
    const changes = (await hub.call('GET', '/admin/v1/audit')).json.data
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id')
    const [session] = await hub.rows('SELECT id FROM widget_session')
    const link = { subject: session?.['id'], detail: { widget_session_id: session?.['id'] } }
    expect(await traffic(hub)).toMatchObject([
      { ...link, action: 'link.create', actor: expect.stringMatching(/^key:/) },
      { ...link, action: 'link.claim', actor: 'browser' },
      {
        action: 'flow.callback',
        actor: 'browser',
        subject: userId,
        detail: { ...link.detail, provider: 'GARMIN', result: 'connected' },
      },
    ])
    expect((await hub.call('GET', '/admin/v1/audit')).json.data).toEqual(changes)
    expect(await traffic(hub, `&subject=${userId}&action=flow.callback`)).toHaveLength(1)
  })

  it('has from which network, as the operator’s proxy tells it, and never the address', async () => {
    const hub = await createTestHub({ proxies: 1 })
    const visit = async (path: string, from: string, init: RequestInit = {}) => {
      const request = new Request(new URL(path, hub.url), { ...init, redirect: 'manual' })
      request.headers.set('x-forwarded-for', `198.51.100.66, ${from}`)
      return await fetch(request)
    }
    const body = JSON.stringify({ reference_id: 'tony_stark' })
    const headers = {
      'dev-id': DEV_ID,
      'x-api-key': hub.apiKey,
      'content-type': 'application/json',
    }
    const path = '/v2/auth/generateWidgetSession'
    const made = await visit(path, '192.0.2.9', { method: 'POST', headers, body })
    const { url } = (await made.json()) as { url: string }
    expect((await visit(url, '203.0.113.77')).status).toBe(200)
    // Somebody else, who knows the link.
    for (let i = 0; i < 12; i += 1) {
      expect((await visit(url, '2001:db8:1:2:3:4:5:6')).status).toBe(403)
    }
    const found = (await traffic(hub)).map(({ action, actor, detail }) => [
      action,
      actor === 'browser' ? actor : 'key',
      detail['network'],
    ])
    const refused = ['link.refuse', 'browser', '2001:db8:1::/48']
    expect(found).toEqual([
      ['link.create', 'key', '192.0.2.0/24'],
      ['link.claim', 'browser', '203.0.113.0/24'],
      // Enough to see it, and no more: whoever has a link could fill the log.
      ...Array.from({ length: 10 }, () => refused),
    ])
    const rows = JSON.stringify(await hub.rows('SELECT * FROM audit_traffic'))
    for (const address of ['192.0.2.9', '203.0.113.77', '2001:db8:1:2', '198.51.100'])
      expect(rows).not.toContain(address)
  })

  it('has the network of who came back from the provider, and none of what time has ended', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    await hub.call('POST', '/v2/auth/authenticateUser?resource=FITBIT', {})
    await moveOn(hub, HOUR_MS)
    const networks = (await traffic(hub)).map(({ action, detail }) => [action, detail['network']])
    expect(networks).toEqual([
      ['link.create', '127.0.0.0/24'],
      ['link.claim', '127.0.0.0/24'],
      ['flow.callback', '127.0.0.0/24'],
      ['link.create', '127.0.0.0/24'],
      ['flow.end', undefined],
    ])
  })

  it('has the network of who goes on from the link of a move', async () => {
    const hub = await createTestHub({ providers: ['FITBIT', 'GOOGLE'] })
    await hub.connect('FITBIT')
    const { json } = await hub.call('POST', '/admin/v1/moves', { from: 'FITBIT' })
    const links = await hub.call('POST', `/admin/v1/moves/${json.move.id}/links`, {})
    await fetch(links.json.data[0].url, { method: 'POST', redirect: 'manual' })
    expect((await traffic(hub)).at(-1)).toMatchObject({
      action: 'link.create',
      actor: 'browser',
      detail: { provider: 'GOOGLE', network: '127.0.0.0/24' },
    })
  })

  it('has that the link of authenticateUser was opened elsewhere', async () => {
    const hub = await createTestHub()
    const path = '/v2/auth/authenticateUser?resource=FITBIT'
    const { json } = await hub.call('POST', path, {})
    for (let i = 0; i < 2; i += 1) await fetch(json.auth_url, { redirect: 'manual' })
    expect(await traffic(hub, `&subject=${json.user_id}`)).toMatchObject([
      { action: 'link.create' },
      { action: 'link.claim' },
      { action: 'link.refuse', actor: 'browser', detail: { provider: 'FITBIT' } },
    ])
  })

  it('has that a login came back in another browser than it began in', async () => {
    const hub = await createTestHub()
    const victor = createPerson({ login: 'victor' })
    const callback = await victor.authorize(
      await hub.choose(victor, await hub.createLink(), 'GARMIN'),
    )
    // With a cookie of her own, and without any.
    const mallory = createPerson({ login: 'mallory' })
    await hub.choose(mallory, await hub.createLink({ reference_id: 'mallory' }), 'GARMIN')
    for (let i = 0; i < 6; i += 1) {
      expect((await mallory.request(callback)).status).toBe(403)
      expect((await fetch(callback, { redirect: 'manual' })).status).toBe(403)
    }
    await victor.request(callback)
    const [flow] = await hub.rows(
      "SELECT id, widget_session_id, reserved_user_id FROM flow WHERE status = 'succeeded'",
    )
    const subject = String(flow?.['reserved_user_id'])
    const detail = {
      flow_id: flow?.['id'],
      widget_session_id: flow?.['widget_session_id'],
      provider: 'GARMIN',
      network: '127.0.0.0/24',
    }
    const refused = { action: 'callback.refuse', actor: 'browser', subject, detail }
    expect(await traffic(hub, `&subject=${subject}`)).toMatchObject([
      ...Array.from({ length: 10 }, () => refused),
      { action: 'flow.callback', subject, detail: { ...detail, result: 'connected' } },
    ])
  })

  it('tells attempts that came back from those that did not', async () => {
    const hub = await createTestHub()
    const answer = await hub.call('POST', '/v2/auth/authenticateUser?resource=FITBIT', {})
    await moveOn(hub, HOUR_MS)
    const ends = (await traffic(hub)).map(({ action, actor, subject, detail }) => [
      action,
      actor,
      subject,
      detail['result'],
    ])
    const userId = answer.json.user_id
    expect(ends).toEqual([
      ['link.create', expect.stringMatching(/^key:/), userId, undefined],
      ['flow.end', 'system', userId, 'expired'],
    ])
  })

  it('has one entry a day for the refreshes of a connection, which count on', async () => {
    const hub = await createTestHub()
    const userId = (await hub.connect('FITBIT')).searchParams.get('user_id')
    await moveOn(hub, 3 * DAY_MS)
    const refreshes = await traffic(hub, '&action=token.refresh')
    expect(refreshes).toHaveLength(3)
    const versions = refreshes.map(({ detail }) => Number(detail['version']))
    expect(versions).toEqual(versions.toSorted((a, b) => a - b))
    // Eight hours each: more refreshes than entries.
    expect((versions.at(-1) ?? 0) - (versions[0] ?? 0)).toBeGreaterThan(3)
    expect(refreshes.map(({ subject }) => subject)).toEqual([userId, userId, userId])
  })

  it('has what was given back to the provider', async () => {
    const hub = await createTestHub()
    const userId = (await hub.connect('GARMIN')).searchParams.get('user_id')
    await hub.call('DELETE', `/v2/auth/deauthenticateUser?user_id=${userId}`)
    await hub.hub.settle()
    expect(await traffic(hub, '&action=grant.revoke')).toMatchObject([
      { actor: 'system', detail: { provider: 'GARMIN', result: 'revoked' } },
    ])
  })

  it('is looked through for what is rare a part at a time', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    await hub.database.execute(
      `WITH RECURSIVE n (i) AS (SELECT 1000000 UNION ALL SELECT i + 1 FROM n WHERE i < 1020999)
       INSERT INTO audit_traffic (id, environment_id, actor, action, detail, created_at_ms, mac)
       SELECT 'z' || i, '${DEV_ID}', CASE i WHEN 1020998 THEN 'browser' ELSE 'system' END, 'link.claim', '{}', 0, ''
       FROM n`,
    )
    const page = async (filter: string, after: string | null = '') => {
      const cursor = after && `&after=${after}`
      const path = `/admin/v1/audit?log=traffic&${filter}${cursor}`
      const { json } = await hub.call('GET', path)
      const actions = json.data.map((entry: Entry) => entry.action)
      return { actions, next: json.next as string | null }
    }
    const first = await page('action=flow.callback')
    expect(first).toEqual({ actions: [], next: expect.any(String) })
    const rest = await page('action=flow.callback', first.next)
    expect(rest).toEqual({ actions: ['flow.callback'], next: null })
    const ofBrowser = await page('actor=browser')
    expect(ofBrowser).toEqual({ actions: ['link.claim'], next: first.next })
    expect((await page('actor=browser', ofBrowser.next)).actions).toHaveLength(2)
    // A page that is full goes on as ever.
    const full = await page('actor=system&limit=2')
    expect(full.actions).toHaveLength(2)
    const [link] = await hub.rows("SELECT subject FROM audit_traffic WHERE action = 'link.create'")
    // An index finds these at once.
    const ofLink = await page(`subject=${String(link?.['subject'])}&action=link.create`)
    expect(ofLink).toEqual({ actions: ['link.create'], next: null })
  })

  it('names nobody: what it says outlasts the erasure of a person', async () => {
    const hub = await createTestHub()
    await hub.connect('GARMIN', { referenceId: 'canary-person' })
    const rows = await hub.rows('SELECT * FROM audit_traffic')
    expect(rows.length).toBeGreaterThan(0)
    expect(JSON.stringify(rows)).not.toContain('canary-person')
  })
})

describe('its chain', () => {
  const verify = async (hub: TestHub) => await verifyAudit(hub.hub.deps, DEV_ID, { log: 'traffic' })

  async function openLinked(): Promise<TestHub> {
    const hub = await createTestHub()
    await hub.connect('GARMIN')
    await linkAudit(hub.hub.deps)
    return hub
  }

  it('is intact while the hub alone writes, linked or not', async () => {
    const hub = await openLinked()
    expect(await verify(hub)).toMatchObject({ finding: null, verified: 3, unlinked: 0 })
    await hub.connect('FITBIT')
    expect(await verify(hub)).toMatchObject({ finding: null, verified: 6, unlinked: 3 })
    const { json } = await hub.call('GET', '/admin/v1/audit/verify')
    expect(json).toMatchObject({
      intact: true,
      chains: [
        { dev_id: DEV_ID, log: 'changes' },
        { dev_id: DEV_ID, log: 'traffic', verified: 6 },
      ],
    })
  })

  it('is verified alone where that is asked for', async () => {
    const hub = await openLinked()
    const logs = async (log: string) => {
      const { json } = await hub.call('GET', `/admin/v1/audit/verify?log=${log}`)
      return json.chains.map((chain: { log: string }) => chain.log)
    }
    expect(await logs('traffic')).toEqual(['traffic'])
    expect(await logs('changes')).toEqual(['changes'])
  })

  /** Does something behind the back of whoever verifies, before each of its first reads. */
  function meanwhile(hub: TestHub, times: number, act: (time: number) => Promise<void>): void {
    const chains = hub.hub.deps.store.trafficChains
    const listRows = chains.listRows.bind(chains)
    let time = 0
    chains.listRows = async (environmentId, page) => {
      time += 1
      if (time <= times) await act(time)
      return await listRows(environmentId, page)
    }
  }

  it('is intact while rows are linked as they are read', async () => {
    const hub = await openLinked()
    const { store } = hub.hub.deps
    meanwhile(hub, 7, async (time) => {
      await store.traffic.add({
        id: `z${time}`,
        environmentId: DEV_ID,
        actor: 'system',
        action: 'link.claim',
        subject: null,
        detail: {},
        createdAtMs: hub.clock.nowMs(),
      })
      await linkAudit(hub.hub.deps)
    })
    expect(await verify(hub)).toMatchObject({ finding: null, verified: 10, head: { seq: 10 } })
  })

  it('is intact while rows leave as they are read, and brings none of them back', async () => {
    const hub = await openLinked()
    for (let more = 0; more < 4; more += 1) await hub.connect('GARMIN')
    await linkAudit(hub.hub.deps)
    const { store } = hub.hub.deps
    const prune = async () =>
      await store.transaction(async (tx) => {
        await tx.trafficChains.prune(DEV_ID, hub.clock.nowMs() + 1, 1)
      })
    const [first] = await store.trafficChains.listRows(DEV_ID, { after: 0, limit: 1 })
    meanwhile(hub, 7, prune)
    expect(await verify(hub)).toMatchObject({ finding: null, verified: 8, pruned: 7 })
    await store.traffic.add({
      id: 'back',
      environmentId: DEV_ID,
      actor: 'system',
      action: 'link.claim',
      subject: null,
      detail: {},
      createdAtMs: hub.clock.nowMs(),
    })
    await hub.database.execute(
      `UPDATE audit_traffic SET seq = 1, link = '${first?.link}' WHERE id = 'back'`,
    )
    meanwhile(hub, 3, prune)
    expect(await verify(hub)).toMatchObject({ finding: { kind: 'inserted', auditId: 'back' } })
  })

  it('shows a row that claims a place which the chain has not come to', async () => {
    const hub = await openLinked()
    await hub.database.execute('UPDATE audit_traffic SET seq = 9 WHERE seq = 3')
    expect(await verify(hub)).toMatchObject({ finding: { kind: 'inserted', seq: 9 } })
  })

  it.each([
    ['changed', "UPDATE audit_traffic SET actor = 'nobody' WHERE action = 'link.claim'"],
    ['missing', "DELETE FROM audit_traffic WHERE action = 'link.claim'"],
    [
      'inserted',
      `INSERT INTO audit_traffic SELECT 'forged', environment_id, actor, action, subject, detail, created_at_ms, mac,
        NULL, NULL FROM audit_traffic WHERE action = 'link.claim'`,
    ],
    ['broken', "UPDATE audit_chain SET last_seq = 1 WHERE environment_id LIKE '%*traffic'"],
  ])('shows that a row was %s', async (kind, tampering) => {
    const hub = await openLinked()
    await hub.database.execute(tampering)
    await linkAudit(hub.hub.deps)
    expect(await verify(hub)).toMatchObject({ finding: { kind } })
    expect((await hub.call('GET', '/admin/v1/audit/verify')).json).toMatchObject({
      intact: false,
      chains: [
        { log: 'changes', intact: true },
        { log: 'traffic', intact: false },
      ],
    })
  })

  it('leaves sooner than changes do, and stays provable', async () => {
    const hub = await openLinked()
    const clock = { nowMs: () => hub.clock.nowMs() + (TRAFFIC_DAYS + 1) * DAY_MS }
    await pruneOldRows({ ...hub.hub.deps, clock, auditDays: 400 })
    expect(await verify(hub)).toMatchObject({ finding: null, verified: 0, pruned: 3 })
    expect(await verifyAudit(hub.hub.deps, DEV_ID)).toMatchObject({ finding: null, pruned: 0 })
  })

  it('keeps no key of a chain whose beginning was undone', async () => {
    const hub = await createTestHub()
    const { store } = hub.hub.deps
    const entry = (id: string) => ({
      id,
      environmentId: DEV_ID,
      actor: 'system',
      action: 'link.claim',
      subject: null,
      detail: {},
      createdAtMs: hub.clock.nowMs(),
    })
    const undone = store.transaction(async (tx) => {
      await tx.traffic.add(entry('undone'))
      throw new TypeError('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    await store.traffic.add(entry('kept'))
    expect(await verify(hub)).toMatchObject({ finding: null, verified: 1 })
  })
})
