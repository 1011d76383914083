-- What people and workers do all day, beside what operators change (audit): links, callbacks, refreshes, revocations.
-- Written, chained and verified as that is; apart, because there is much more of it and it leaves sooner.
CREATE TABLE audit_traffic (
  id text COLLATE "C" NOT NULL,
  environment_id text COLLATE "C" NOT NULL,
  actor text COLLATE "C" NOT NULL,
  action text COLLATE "C" NOT NULL,
  subject text COLLATE "C",
  detail text COLLATE "C" NOT NULL,
  created_at_ms bigint NOT NULL,
  mac text COLLATE "C" NOT NULL,
  seq bigint,
  link text COLLATE "C",
  PRIMARY KEY (environment_id, id)
);
CREATE INDEX audit_traffic_by_seq ON audit_traffic (environment_id, seq) WHERE seq IS NOT NULL;
CREATE INDEX audit_traffic_by_subject ON audit_traffic (environment_id, subject, id);
CREATE INDEX audit_traffic_unlinked ON audit_traffic (environment_id, id) WHERE seq IS NULL;
