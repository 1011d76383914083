import type { TableContext } from './context.ts'
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

  constructor({ db }: TableContext) {
    this.#db = db
  }

  async findPasswordHash(): Promise<string | undefined> {
    const row = await this.#db.selectFrom('operator').select('password_hash').executeTakeFirst()
    return row?.password_hash
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

  async removeSetupTokens(): Promise<void> {
    await this.#db.deleteFrom('setup_token').execute()
  }

  /** Password, set-up tokens and sessions. */
  async removeEverything(): Promise<{ hadPassword: boolean; sessionsEnded: number }> {
    const password = await this.#db.deleteFrom('operator').executeTakeFirst()
    await this.removeSetupTokens()
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
