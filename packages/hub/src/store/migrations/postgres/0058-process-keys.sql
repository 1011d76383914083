-- Ids of encryption keys, separated by spaces: those that the process can open values with, and those that it seals with, now or soon.
ALTER TABLE process ADD COLUMN opens text COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE process ADD COLUMN seals text COLLATE "C" NOT NULL DEFAULT '';
