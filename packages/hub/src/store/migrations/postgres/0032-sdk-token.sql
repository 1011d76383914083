-- Tokens that let a mobile SDK connect one device, once.
CREATE TABLE sdk_token (
  token_hash text COLLATE "C" NOT NULL PRIMARY KEY,
  environment_id text COLLATE "C" NOT NULL REFERENCES environment (id),
  -- Null: the device says who it belongs to.
  reference_id text COLLATE "C",
  expires_at_ms bigint NOT NULL
);
CREATE INDEX sdk_token_by_expiry ON sdk_token (expires_at_ms);
