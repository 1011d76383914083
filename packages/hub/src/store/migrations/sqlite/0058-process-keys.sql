-- Ids of encryption keys, separated by spaces: those that the process can open values with, and those that it seals with, now or soon.
ALTER TABLE process ADD COLUMN opens TEXT NOT NULL DEFAULT '';
ALTER TABLE process ADD COLUMN seals TEXT NOT NULL DEFAULT '';
