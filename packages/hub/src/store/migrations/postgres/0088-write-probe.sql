-- Empty: whoever asks whether the database takes writes adds a row and takes it away again in one transaction.
CREATE TABLE write_probe (filler text COLLATE "C" NOT NULL);
-- Not compressed: it is there to take room.
ALTER TABLE write_probe ALTER COLUMN filler SET STORAGE EXTERNAL;
