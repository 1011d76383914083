import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { openSqlite } from 'firma-receiver/sqlite'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findFreePorts, isPortFree } from '../../../../scripts/free-port.ts'
import { DEMO_REFERENCE_ID } from '../../src/cli/demo-app.ts'
import {
  acceptedTypes,
  connect,
  createDataFolder,
  occupyPort,
  startTestDemo,
} from './support/start-test-demo.ts'

/** Counts the requests at a port that the demo has left. */
async function watchPort(url: string): Promise<() => number> {
  let count = 0
  const server = createServer((_request, response) => {
    count += 1
    response.end()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(Number(new URL(url).port), '127.0.0.1', resolve)
  })
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise<void>((resolve) => server.close(() => resolve()))
  })
  return () => count
}

describe('a second start on the same folder', () => {
  it('keeps users, keys and credentials, and delivers to the new address', async () => {
    const folder = await createDataFolder()
    // One that nobody is given meanwhile, so that it is there to be watched.
    const first = await startTestDemo(folder, await findFreePorts(3))
    const landing = await connect(first, 'GARMIN')
    const userId = landing.searchParams.get('user_id') ?? ''
    expect(await acceptedTypes(first, 1)).toEqual(['auth'])
    const keys = await readFile(join(folder, 'keys.json'), 'utf8')
    await first.close()
    const requestsAtOldAddress = await watchPort(first.appUrl)

    const second = await startTestDemo(folder)
    expect(second.appUrl).not.toBe(first.appUrl)
    expect(second.credentials).toEqual(first.credentials)
    expect(await readFile(join(folder, 'keys.json'), 'utf8')).toBe(keys)
    expect(await second.client.listUserIds(DEMO_REFERENCE_ID)).toEqual([userId])
    const again = await connect(second, 'GARMIN')
    expect(await acceptedTypes(second, 3)).toEqual(['auth', 'user_reauth', 'auth'])
    expect(await second.receiver.resolve(userId)).toMatchObject({
      userId: again.searchParams.get('user_id'),
      aliases: [userId, again.searchParams.get('user_id')],
    })
    expect(requestsAtOldAddress()).toBe(0)
  })

  it('is refused while the first is running, which goes on undisturbed', async () => {
    const folder = await createDataFolder()
    const first = await startTestDemo(folder)
    await expect(startTestDemo(folder)).rejects.toThrow(
      / is in use by another Firma; end it, or choose another folder with --data$/,
    )
    await connect(first, 'FITBIT')
    expect(await acceptedTypes(first, 1)).toEqual(['auth'])
  })
})

describe('the data folder', () => {
  it('is one SQLite file, with keys, credentials, what the providers know and an empty lock beside it, for its owner alone', async () => {
    const folder = await createDataFolder()
    const demo = await startTestDemo(folder)
    await connect(demo, 'GARMIN')
    await acceptedTypes(demo, 1)
    await demo.close()
    const names = (await readdir(folder)).filter((name) => !/-(?:wal|shm)$/.test(name))
    expect(names).toEqual([
      'demo.json',
      'firma.lock',
      'firma.sqlite',
      'keys.json',
      'simulated-providers.json',
    ])
    for (const name of await readdir(folder)) {
      expect((await stat(join(folder, name))).mode & 0o777).toBe(0o600)
    }
    const sqlite = await openSqlite(join(folder, 'firma.sqlite'))
    onTestFinished(async () => await sqlite.close())
    const counts = await sqlite.exclusive((database) => [
      database.prepare("SELECT count(*) AS n FROM event WHERE type = 'auth'").get()?.['n'],
      database.prepare("SELECT count(*) AS n FROM demo_app_inbox WHERE type = 'auth'").get()?.['n'],
    ])
    expect(counts).toEqual([1, 1])
  })

  it('is made with every folder above it', async () => {
    const folder = join(await createDataFolder(), 'a/b/c')
    await startTestDemo(folder)
    expect((await stat(folder)).mode & 0o777).toBe(0o700)
  })

  const CURE = 'restore it, or start afresh with another folder (--data)'
  it.each([
    ['keys.json', '{', `keys.json is damaged (it is not JSON); ${CURE}`],
    [
      'keys.json',
      '{"primary":"k1"}',
      `keys.json is damaged (keys is missing or malformed); ${CURE}`,
    ],
    [
      'keys.json',
      '{"primary":"k2","keys":{}}',
      `keys.json names "k2" as primary, but has no such key; ${CURE}`,
    ],
    ['demo.json', '[]', `demo.json is damaged (it is not an object); ${CURE}`],
    ['demo.json', '{}', `demo.json is damaged (devId is missing or malformed); ${CURE}`],
    ['firma.sqlite', 'not a database at all', `cannot open the database`],
  ])('says that %s is damaged: %s', async (name, content, message) => {
    const folder = await createDataFolder()
    await (await startTestDemo(folder)).close()
    // A journal that is still there would bring a damaged database back.
    for (const end of ['-wal', '-shm']) await rm(join(folder, name + end), { force: true })
    await writeFile(join(folder, name), content)
    await expect(startTestDemo(folder)).rejects.toThrow(message)
  })

  it.each([
    ['keys.json', `keys.json is gone, and firma.sqlite cannot be read without it; ${CURE}`],
    ['demo.json', `demo.json is gone, and with it the credentials of the demo; ${CURE}`],
  ])('says that %s is gone, and makes no other one', async (name, message) => {
    const folder = await createDataFolder()
    await (await startTestDemo(folder)).close()
    await rm(join(folder, name))
    await expect(startTestDemo(folder)).rejects.toThrow(message)
    expect(await readdir(folder)).not.toContain(name)
  })

  it('says that the key is not the one that the database was written with', async () => {
    const folder = await createDataFolder()
    await (await startTestDemo(folder)).close()
    const keys = { primary: 'k1', keys: { k1: '00'.repeat(32) } }
    await writeFile(join(folder, 'keys.json'), JSON.stringify(keys))
    await expect(startTestDemo(folder)).rejects.toThrow('key "k1" is not the one that sealed it')
  })
})

describe('a taken port', () => {
  it.each(['hub', 'demo app', 'simulated providers'])(
    'is named when it is the one of the %s, and nothing is left running',
    async (owner) => {
      const first = await findFreePorts(3)
      const ports = [first, first + 1, first + 2]
      const taken = first + ['hub', 'demo app', 'simulated providers'].indexOf(owner)
      await occupyPort(taken)
      const folder = await createDataFolder()
      await expect(startTestDemo(folder, first)).rejects.toThrow(
        `port ${taken} is taken; choose another --port (the two after it are needed too), or end what uses it`,
      )
      for (const port of ports) expect(await isPortFree(port)).toBe(port !== taken)
      // Nor does anything hold the database.
      await startTestDemo(folder)
    },
  )
})
