-- Whoever can write into the database must not be able to change the audit log unseen: see audit-chain.ts.
-- Over the row's fields, written with the row; null for rows from before there were chains.
ALTER TABLE audit ADD COLUMN mac TEXT;
-- Place in the chain, and a code over the link before and this row; null until it is linked.
ALTER TABLE audit ADD COLUMN seq INTEGER;
ALTER TABLE audit ADD COLUMN link TEXT;
CREATE INDEX audit_by_seq ON audit (environment_id, seq);
CREATE INDEX audit_unlinked ON audit (environment_id, id) WHERE seq IS NULL AND mac IS NOT NULL;

-- One chain per environment, and '*' for what belongs to none.
CREATE TABLE audit_chain (
  environment_id TEXT NOT NULL PRIMARY KEY,
  -- The key of all codes of the chain.
  secret_sealed TEXT NOT NULL,
  begun_at_ms INTEGER NOT NULL,
  -- The last link that has left with its retention,
  anchor_seq INTEGER NOT NULL,
  anchor_link TEXT NOT NULL,
  -- and the newest.
  last_seq INTEGER NOT NULL,
  last_link TEXT NOT NULL,
  -- Over all of this but the secret.
  mac TEXT NOT NULL
) STRICT, WITHOUT ROWID;
