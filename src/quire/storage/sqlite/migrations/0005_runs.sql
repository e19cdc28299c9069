-- Runs in the order of their start times, with what they are searched by.
-- `id` is made from the start time (order_keys.py); `view` holds the searchable leaves
-- as JSONB; `facets` what the counters have of this run (MessagePack).

CREATE TABLE run_by_time (
    id          INTEGER PRIMARY KEY,
    uid         NOT NULL UNIQUE,
    newest      REAL NOT NULL,     -- start time, Unix seconds; -Inf without one
    stale       INTEGER NOT NULL,  -- 2: columns to be made anew, 1: terms, 0: neither
    access      INTEGER NOT NULL,  -- access_list.id
    scan_id,                       -- TEXT where it needs more than 64 bits
    experiment  INTEGER NOT NULL,  -- 2^63-1 where there is none, to sort last
    run         INTEGER NOT NULL,
    events      INTEGER NOT NULL,
    lease_until REAL,              -- only while open and not marked interrupted
    facts       BLOB NOT NULL,     -- hash of what the following were made from
    facets      BLOB NOT NULL,
    view        BLOB NOT NULL,
    record      BLOB NOT NULL
);
INSERT INTO run_by_time
    SELECT id - 9223372036854775807, uid, newest, 2, 0, scan_id,
           9223372036854775807, 9223372036854775807, 0,
           lease_until, x'', x'90', jsonb('{}'), record
    FROM run;
DROP TABLE run;
ALTER TABLE run_by_time RENAME TO run;
CREATE INDEX run_stale ON run (id) WHERE stale > 0;
CREATE INDEX run_outdated ON run (id) WHERE stale = 2;
CREATE INDEX run_access ON run (access, id);
CREATE INDEX run_scan_id ON run (scan_id, id) WHERE scan_id IS NOT NULL;
CREATE INDEX run_number ON run (experiment, run);
CREATE INDEX run_lease ON run (lease_until) WHERE lease_until IS NOT NULL;

-- What the columns were made by: another rule or another Quire makes them anew.
CREATE TABLE run_described (
    version TEXT NOT NULL
);

CREATE TABLE access_list (
    id      INTEGER PRIMARY KEY,
    members TEXT NOT NULL UNIQUE   -- JSON array of sorted keys
);

-- Hashed `path=value` terms of each run; rows of runs that are stale may be old.
CREATE VIRTUAL TABLE run_term USING fts5(
    terms, content='', contentless_delete=1, detail=none, tokenize='ascii'
);

CREATE TABLE facet (
    field  TEXT NOT NULL,
    value  TEXT NOT NULL,
    access INTEGER NOT NULL,
    runs   INTEGER NOT NULL,
    PRIMARY KEY (field, value, access)
) WITHOUT ROWID;

-- Fields that an operator wants in order: `quire index add`.
CREATE TABLE field_index (
    field INTEGER PRIMARY KEY,
    path  TEXT NOT NULL UNIQUE,
    below INTEGER                  -- runs with smaller ids are still to be filled in
);
CREATE TABLE field_value (
    field INTEGER NOT NULL,
    value NOT NULL,
    run   INTEGER NOT NULL,
    PRIMARY KEY (field, value, run)
) WITHOUT ROWID;
CREATE INDEX field_value_run ON field_value (run);
