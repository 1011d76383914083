-- The page of a user asks what became of the access, as long as somebody looks at it.
CREATE INDEX revocation_by_lineage ON revocation (environment_id, lineage_id, id);
