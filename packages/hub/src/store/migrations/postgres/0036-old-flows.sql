-- Attempts to connect leave some time after they have ended, and are found by that: see old-rows.ts.
CREATE INDEX flow_ended ON flow (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
