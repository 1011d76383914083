-- A destination that asked to be left alone (429 or 503 with Retry-After) is sent nothing before then.
ALTER TABLE destination ADD COLUMN quiet_until_ms INTEGER;
-- The newest ordering timestamp of what was told about it, which grows also where a clock is set back.
ALTER TABLE destination ADD COLUMN last_ordering_ms INTEGER NOT NULL DEFAULT 0;
