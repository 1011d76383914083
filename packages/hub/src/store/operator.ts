import type { Engine, TableContext } from './context.ts'
import type { Db } from './schema.ts'

/** One login to the dashboard. */
export interface OperatorSession {
  readonly id: string
  readonly createdAtMs: number
  readonly expiresAtMs: number
}

/** The operator's password, the tokens to choose it with, and the sessions opened by it. */
export class OperatorTable {
  readonly #db: Db
  readonly #engine: Engine

  constructor({ db, engine }: TableContext) {
    this.#db = db
    this.#engine = engine
  }

  async findPasswordHash(): Promise<string | undefined> {
    const row = await this.#db.selectFrom('operator').select('password_hash').executeTakeFirst()
    return row?.password_hash
  }

  /** Whether this is still the password; nobody takes it away until the transaction is over. */
  async lockPasswordHash(passwordHash: string): Promise<boolean> {
    const row = await this.#db
      .selectFrom('operator')
      .select('id')
      .where('password_hash', '=', passwordHash)
      .$if(this.#engine === 'postgres', (query) => query.forUpdate())
      .executeTakeFirst()
    return row !== undefined
  }

  /** @returns False when there is a password already. */
  async addPassword(passwordHash: string, atMs: number): Promise<boolean> {
    const result = await this.#db
      .insertInto('operator')
      .values({ id: 'operator', password_hash: passwordHash, created_at_ms: atMs })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst()
    return result.numInsertedOrUpdatedRows === 1n
  }

  async addSetupToken(tokenHash: string, expiresAtMs: number): Promise<void> {
    await this.#db
      .insertInto('setup_token')
      .values({ token_hash: tokenHash, expires_at_ms: expiresAtMs })
      .execute()
  }

  async hasSetupToken(tokenHash: string, nowMs: number): Promise<boolean> {
    const row = await this.#db
      .selectFrom('setup_token')
      .select('token_hash')
      .where('token_hash', '=', tokenHash)
      .where('expires_at_ms', '>', nowMs)
      .executeTakeFirst()
    return row !== undefined
  }

  /** @returns False when somebody took it away. */
  async takeSetupToken(tokenHash: string): Promise<boolean> {
    const taken = await this.#db
      .deleteFrom('setup_token')
      .where('token_hash', '=', tokenHash)
      .executeTakeFirst()
    return taken.numDeletedRows === 1n
  }

  async removeSetupTokens(): Promise<void> {
    await this.#db.deleteFrom('setup_token').execute()
  }

  /** Password, set-up tokens and sessions. */
  async removeEverything(): Promise<{ hadPassword: boolean; sessionsEnded: number }> {
    // In this order: whoever chooses a password or logs in meanwhile holds a token or the password until they are done,
    // and what they did is then seen here.
    await this.removeSetupTokens()
    const password = await this.#db.deleteFrom('operator').executeTakeFirst()
    const sessions = await this.#db.deleteFrom('operator_session').executeTakeFirst()
    return {
      hadPassword: password.numDeletedRows > 0n,
      sessionsEnded: Number(sessions.numDeletedRows),
    }
  }

  async addSession(session: OperatorSession, tokenHash: string): Promise<void> {
    await this.#db
      .insertInto('operator_session')
      .values({
        id: session.id,
        token_hash: tokenHash,
        created_at_ms: session.createdAtMs,
        expires_at_ms: session.expiresAtMs,
      })
      .execute()
  }

  async findSession(tokenHash: string, nowMs: number): Promise<OperatorSession | undefined> {
    const row = await this.#db
      .selectFrom('operator_session')
      .selectAll()
      .where('token_hash', '=', tokenHash)
      .where('expires_at_ms', '>', nowMs)
      .executeTakeFirst()
    if (row === undefined) return undefined
    return { id: row.id, createdAtMs: row.created_at_ms, expiresAtMs: row.expires_at_ms }
  }

  async removeSession(id: string): Promise<void> {
    await this.#db.deleteFrom('operator_session').where('id', '=', id).execute()
  }

  /** Sessions whose time is over. */
  async removeExpiredSessions(nowMs: number): Promise<void> {
    await this.#db.deleteFrom('operator_session').where('expires_at_ms', '<=', nowMs).execute()
  }
}
