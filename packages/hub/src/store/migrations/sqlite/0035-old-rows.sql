-- What has ended leaves after a while, and is found by its time: see old-rows.ts.
CREATE INDEX audit_by_time ON audit (created_at_ms);
CREATE INDEX resend_ended ON resend (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
CREATE INDEX job_ended ON job (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
CREATE INDEX revocation_ended ON revocation (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
