-- The payload history of one provider, also of one that few people have.
CREATE INDEX event_by_provider ON event (environment_id, provider, seq);
