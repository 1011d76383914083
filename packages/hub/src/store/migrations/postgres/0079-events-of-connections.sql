-- What became of a connection, among however much data: its timeline reads this alone.
CREATE INDEX event_of_connection ON event (lineage_id, seq)
  WHERE type NOT IN ('activity', 'athlete', 'body', 'daily', 'hormone', 'menstruation', 'nutrition', 'planned_workout', 'sleep');
