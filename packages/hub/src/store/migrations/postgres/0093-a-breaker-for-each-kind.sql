-- Data that fails holds back data alone: what happened to connections has failures and a breaker of its own.
ALTER TABLE destination ADD COLUMN state_failures bigint NOT NULL DEFAULT 0;
ALTER TABLE destination ADD COLUMN state_probe_at_ms bigint;
-- Of what has failed by now nobody knows which kind it was.
UPDATE destination SET state_failures = failures, state_probe_at_ms = probe_at_ms WHERE failures > 0;
