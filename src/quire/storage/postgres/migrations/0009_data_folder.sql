-- expand
-- The data folder of the servers that are at work: one row, or none yet.

CREATE TABLE data_folder (
    id    text NOT NULL PRIMARY KEY,
    place text NOT NULL  -- a host and a path, for people
);
