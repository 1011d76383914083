import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openTestDatabase, type TestDatabase } from '../test/postgres.ts'

/** What nine bodies of 10 MB may take on top of an idle process, their sender included: read, decoded and parsed at once, but stored one by one. */
const MEMORY_MB_MAX = 600

describe('nine events of nearly 10 MB at once', () => {
  let database: TestDatabase
  let folder: string
  beforeAll(async () => {
    database = await openTestDatabase()
    folder = mkdtempSync(join(tmpdir(), 'firma-large-'))
  })
  afterAll(async () => {
    await database.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it.each(['sqlite', 'postgres'])('are accepted within the stated memory, store %s', (kind) => {
    const target = kind === 'sqlite' ? join(folder, 'large.db') : database.url
    const script = fileURLToPath(new URL('../test/large-bodies.ts', import.meta.url))
    const { stdout, stderr } = spawnSync(
      process.execPath,
      // Node 22 calls its own SQLite experimental on standard error.
      [
        ...'--conditions=source --disable-warning=ExperimentalWarning --import tsx'.split(' '),
        script,
        kind,
        target,
      ],
      { encoding: 'utf8', timeout: 290_000 },
    )
    expect(stderr).toBe('')
    const { answers, bodyMb, storedMb, tookMb } = JSON.parse(stdout)
    expect(answers).toEqual(Array.from({ length: 9 }, () => 200))
    expect(bodyMb).toBeGreaterThan(9)
    expect(storedMb).toBe(bodyMb)
    expect(tookMb).toBeLessThan(MEMORY_MB_MAX)
  })
})
