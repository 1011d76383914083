-- Erasing a person looks for all attempts and links of theirs.
CREATE INDEX flow_by_reference ON flow (environment_id, reference_id) WHERE reference_id IS NOT NULL;
CREATE INDEX widget_session_by_reference ON widget_session (environment_id, reference_id) WHERE reference_id IS NOT NULL;

-- They leave by the retention of their environment: see old-rows.ts.
DROP INDEX flow_ended;
CREATE INDEX flow_ended ON flow (environment_id, ended_at_ms) WHERE ended_at_ms IS NOT NULL;
DROP INDEX widget_session_by_expiry;
CREATE INDEX widget_session_by_expiry ON widget_session (environment_id, expires_at_ms);
