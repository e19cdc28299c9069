-- Saved queries, all their versions.
-- `standing`: 1 private, 2 shared, for the newest version unless it is deleted; else 0.

CREATE TABLE saved_query (
    name     TEXT NOT NULL,
    owner    TEXT NOT NULL,
    version  INTEGER NOT NULL,
    standing INTEGER NOT NULL,
    record   BLOB NOT NULL,
    PRIMARY KEY (name, owner, version)
) WITHOUT ROWID;
CREATE INDEX saved_query_standing ON saved_query (name, owner) WHERE standing > 0;
