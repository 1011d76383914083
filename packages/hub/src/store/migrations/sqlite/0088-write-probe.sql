-- Empty: whoever asks whether the database takes writes adds a row and takes it away again in one transaction.
CREATE TABLE write_probe (filler TEXT NOT NULL) STRICT;
