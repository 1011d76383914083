/** A copy of one moment of a database that is in use, restored beside it. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqlite } from 'firma-receiver/sqlite'
import { openPostgresStore } from '../../src/store/open.ts'
import { createTestSealer } from './describe-store.ts'
import { openTestSchema } from './postgres.ts'
import { EPOCH_MS } from './test-clock.ts'
import { type TestDatabase, wrapPostgres, wrapSqlite } from './test-database.ts'

/** As `firma backup` does it, and as a dump that is restored. */
export async function copyDatabase(from: TestDatabase): Promise<TestDatabase> {
  return 'sqlite' in from.options ? await copySqlite(from) : await copyPostgres(from)
}

async function copySqlite(from: TestDatabase): Promise<TestDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'firma-copy-'))
  const path = join(folder, 'copy.sqlite')
  await from.rows('VACUUM INTO ?', path)
  const handle = await openSqlite(path)
  const close = async (): Promise<void> => {
    await handle.close()
    await rm(folder, { recursive: true })
  }
  return { ...wrapSqlite(handle), close }
}

/** Rows and sequences of one snapshot in a schema of the same version, which is what pg_restore leaves. */
async function copyPostgres(from: TestDatabase): Promise<TestDatabase> {
  const [{ name } = {}] = await from.rows('SELECT current_schema() AS name')
  const schema = await openTestSchema()
  const store = await openPostgresStore(schema.url, {
    sealer: createTestSealer(),
    nowMs: EPOCH_MS,
  })
  await store.close()
  const to = wrapPostgres(schema)
  await to.execute(`
    BEGIN ISOLATION LEVEL REPEATABLE READ;
    SET LOCAL session_replication_role = replica;
    DO $$ DECLARE one text; BEGIN
      FOR one IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() LOOP
        EXECUTE format('DELETE FROM %I', one);
        EXECUTE format('INSERT INTO %I OVERRIDING SYSTEM VALUE SELECT * FROM ${String(name)}.%I', one, one);
      END LOOP;
      PERFORM setval(format('%I', own.sequencename)::regclass, of.last_value)
        FROM pg_sequences AS own JOIN pg_sequences AS of USING (sequencename)
        WHERE own.schemaname = current_schema() AND of.schemaname = '${String(name)}' AND of.last_value IS NOT NULL;
    END $$;
    COMMIT`)
  const close = async (): Promise<void> => {
    await to.close()
    await schema.drop()
  }
  return { ...to, close }
}
