-- How a destination does. failures: attempts without success since the last one. failing_since_ms: the first of them.
-- warned: how many of the warnings have been given. probe_at_ms: the breaker is open, and one delivery is tried then.
ALTER TABLE destination ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE destination ADD COLUMN failing_since_ms INTEGER;
ALTER TABLE destination ADD COLUMN warned INTEGER NOT NULL DEFAULT 0;
ALTER TABLE destination ADD COLUMN probe_at_ms INTEGER;
CREATE INDEX destination_failing ON destination (failing_since_ms) WHERE failing_since_ms IS NOT NULL;
-- When failed attempts are repeated; null takes the default.
ALTER TABLE destination ADD COLUMN retry_base_ms INTEGER;
ALTER TABLE destination ADD COLUMN retry_cap_ms INTEGER;
ALTER TABLE destination ADD COLUMN retry_window_ms INTEGER;
-- JSON object of headers that the operator adds to each delivery; they may be secret.
ALTER TABLE destination ADD COLUMN headers_sealed TEXT;
-- Deleted ones stay for the history; what they were owed is suppressed.
ALTER TABLE destination ADD COLUMN deleted_at_ms INTEGER;

-- Signing keys beside the destination's own secret: the ones before it until they expire, and Ed25519 ones.
CREATE TABLE signing_key (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL,
  destination_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('hmac', 'ed25519')),
  secret_sealed TEXT NOT NULL,
  -- Base64url of the 32 bytes; null for hmac.
  public_key TEXT,
  created_at_ms INTEGER NOT NULL,
  -- Signs until then; null signs until it is replaced.
  expires_at_ms INTEGER
) STRICT;
CREATE INDEX signing_key_by_destination ON signing_key (destination_id, id);
CREATE INDEX signing_key_by_environment ON signing_key (environment_id, id);

-- Events that an operator asked to be sent again. cursor_seq: events up to here have their deliveries.
CREATE TABLE resend (
  id TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL,
  -- JSON, see ResendFilter.
  filter TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('running', 'paused', 'cancelled', 'done')),
  cursor_seq INTEGER NOT NULL,
  -- Nothing that came after it was asked for.
  through_seq INTEGER NOT NULL,
  deliveries INTEGER NOT NULL,
  actor TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  ended_at_ms INTEGER
) STRICT;
CREATE INDEX resend_by_environment ON resend (environment_id, id);
CREATE INDEX resend_running ON resend (id) WHERE status = 'running';

-- What was removed because its retention had passed, so that the ledger still balances.
CREATE TABLE pruned (
  environment_id TEXT NOT NULL,
  destination_id TEXT NOT NULL,
  type TEXT NOT NULL,
  status TEXT NOT NULL,
  deliveries INTEGER NOT NULL,
  PRIMARY KEY (environment_id, destination_id, type, status)
) STRICT, WITHOUT ROWID;
-- Up to where pruning has come, and when it begins again from the start for what was owed then.
CREATE TABLE retention (
  environment_id TEXT NOT NULL PRIMARY KEY,
  cursor_seq INTEGER NOT NULL,
  started_at_ms INTEGER NOT NULL
) STRICT;

-- What is owed, oldest first: how long a destination is behind, however much that is.
CREATE INDEX delivery_owed ON delivery (destination_id, id) WHERE status IN ('waiting', 'pending', 'sending');
