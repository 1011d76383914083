-- Asked to be left alone by an answer to data, a destination is still sent what happened to connections; by an answer to that, nothing.
ALTER TABLE destination ADD COLUMN state_quiet_until_ms bigint;
