-- Tokens that let a mobile SDK connect one device, once.
CREATE TABLE sdk_token (
  token_hash TEXT NOT NULL PRIMARY KEY,
  environment_id TEXT NOT NULL REFERENCES environment (id),
  -- Null: the device says who it belongs to.
  reference_id TEXT,
  expires_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX sdk_token_by_expiry ON sdk_token (expires_at_ms);
