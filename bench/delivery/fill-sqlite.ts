/** Runs statements on a database file, and ends: what it has kept of the file in memory ends with it. */
import { openSqlite } from 'firma-receiver/sqlite'

process.once('message', (given: { file: string; statements: string[] }) => {
  void (async () => {
    const handle = await openSqlite(given.file)
    // Durable or not: it is measured only afterwards.
    await handle.exclusive((database) => {
      database.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -2000000')
      for (const sql of given.statements) database.exec(sql)
      database.exec('PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE); ANALYZE')
    })
    await handle.close()
    process.disconnect()
  })()
})
