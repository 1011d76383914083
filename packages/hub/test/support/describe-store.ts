/** The store's suite runs once per database engine; a new engine joins `ENGINES` and nothing else changes. */
import { describe, onTestFinished } from 'vitest'
import { type Sealer, createSealer } from '../../src/seal.ts'
import { type Store, openPostgresStore, openSqliteStore } from '../../src/store/open.ts'
import { systemRandom } from '../../src/system.ts'
import { openTestSchema } from './postgres.ts'
import { EPOCH_MS } from './test-clock.ts'
import { openTestSqlite } from './test-database.ts'

/** Opens an empty store that closes itself when the test has finished. */
export type OpenStore = () => Promise<Store>

const ENGINES: readonly { readonly name: string; readonly open: OpenStore }[] = [
  {
    name: 'SQLite',
    open: async () => {
      const handle = await openTestSqlite()
      const store = await openSqliteStore(handle, { sealer: createTestSealer(), nowMs: EPOCH_MS })
      onTestFinished(async () => {
        await store.close()
        await handle.close()
      })
      return store
    },
  },
  {
    name: 'PostgreSQL',
    open: async () => {
      const schema = await openTestSchema()
      const options = { sealer: createTestSealer(), nowMs: EPOCH_MS }
      const store = await openPostgresStore(schema.url, options)
      onTestFinished(async () => {
        await store.close()
        await schema.drop()
      })
      return store
    },
  },
]

/** Describes a part of the store on every engine. */
export function describeStore(unit: string, suite: (open: OpenStore) => void): void {
  for (const { name, open } of ENGINES) {
    describe(`${unit} on ${name}`, () => {
      suite(open)
    })
  }
}

export function createTestSealer(): Sealer {
  const keys = new Map([['test', new Uint8Array(32).fill(7)]])
  return createSealer({ random: systemRandom }, { primaryId: 'test', keys })
}
