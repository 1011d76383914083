-- What people and workers do all day, beside what operators change (audit): links, callbacks, refreshes, revocations.
-- Written, chained and verified as that is; apart, because there is much more of it and it leaves sooner.
CREATE TABLE audit_traffic (
  id TEXT NOT NULL,
  environment_id TEXT NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT,
  detail TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  mac TEXT NOT NULL,
  seq INTEGER,
  link TEXT,
  PRIMARY KEY (environment_id, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_traffic_by_seq ON audit_traffic (environment_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX audit_traffic_by_subject ON audit_traffic (environment_id, subject, id);
CREATE INDEX audit_traffic_unlinked ON audit_traffic (environment_id, id) WHERE seq IS NULL;
