-- Processes of the hub that share this database. One whose beat stands still is taken for dead, and what it
-- has claimed is free: claims begin with the id of their process.
CREATE TABLE process (
  id text COLLATE "C" NOT NULL PRIMARY KEY,
  beat bigint NOT NULL,
  started_at_ms bigint NOT NULL,
  beat_at_ms bigint NOT NULL
);
