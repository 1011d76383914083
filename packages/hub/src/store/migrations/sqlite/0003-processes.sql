-- Processes of the hub that share this database. One whose beat stands still is taken for dead, and what it
-- has claimed is free: claims begin with the id of their process.
CREATE TABLE process (
  id TEXT NOT NULL PRIMARY KEY,
  beat INTEGER NOT NULL,
  started_at_ms INTEGER NOT NULL,
  beat_at_ms INTEGER NOT NULL
) STRICT;
