-- The operator's password to the dashboard; at most one row.
CREATE TABLE operator (
  id text COLLATE "C" NOT NULL PRIMARY KEY CHECK (id = 'operator'),
  -- scrypt, with its parameters and salt.
  password_hash text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL
);

-- What the terminal shows at the first run, so that whoever started the hub chooses the password.
CREATE TABLE setup_token (
  token_hash text COLLATE "C" NOT NULL PRIMARY KEY,
  expires_at_ms bigint NOT NULL
);

CREATE TABLE operator_session (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  token_hash text COLLATE "C" NOT NULL UNIQUE,
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL
);
CREATE INDEX operator_session_by_expiry ON operator_session (expires_at_ms);
