import { createReceiver } from 'firma-receiver'
import { postgresStore } from 'firma-receiver/postgres'
import { sqliteStore } from 'firma-receiver/sqlite'

const { STORE, DATABASE_URL: connectionString, TABLE_PREFIX: tablePrefix } = process.env

export const receiver = createReceiver({
  secrets: ['test-secret'],
  store:
    STORE === 'postgres'
      ? postgresStore({ connectionString, tablePrefix })
      : sqliteStore({ path: 'data/connections.sqlite' }),
})
