-- Whoever can write into the database must not be able to change the audit log unseen: see audit-chain.ts.
-- Over the row's fields, written with the row; null for rows from before there were chains.
ALTER TABLE audit ADD COLUMN mac text COLLATE "C";
-- Place in the chain, and a code over the link before and this row; null until it is linked.
ALTER TABLE audit ADD COLUMN seq bigint;
ALTER TABLE audit ADD COLUMN link text COLLATE "C";
CREATE INDEX audit_by_seq ON audit (environment_id, seq);
CREATE INDEX audit_unlinked ON audit (environment_id, id) WHERE seq IS NULL AND mac IS NOT NULL;

-- One chain per environment, and '*' for what belongs to none.
CREATE TABLE audit_chain (
  environment_id text COLLATE "C" NOT NULL PRIMARY KEY,
  -- The key of all codes of the chain.
  secret_sealed text COLLATE "C" NOT NULL,
  begun_at_ms bigint NOT NULL,
  -- The last link that has left with its retention,
  anchor_seq bigint NOT NULL,
  anchor_link text COLLATE "C" NOT NULL,
  -- and the newest.
  last_seq bigint NOT NULL,
  last_link text COLLATE "C" NOT NULL,
  -- Over all of this but the secret.
  mac text COLLATE "C" NOT NULL
);
