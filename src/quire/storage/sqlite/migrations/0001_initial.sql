-- A uid is a 16-byte BLOB where its text is a lower-case dashed UUID, else TEXT.
-- `record` is the whole record as MessagePack; the columns before it are searched.

CREATE TABLE run (
    id          INTEGER PRIMARY KEY,
    uid         NOT NULL UNIQUE,
    newest      REAL NOT NULL,     -- start time, Unix seconds; -Inf without one
    scan_id,                       -- TEXT where it needs more than 64 bits
    owner       TEXT NOT NULL,
    lease_until REAL,              -- only while open and not marked interrupted
    record      BLOB NOT NULL
);
CREATE INDEX run_newest ON run (newest);
CREATE INDEX run_owner ON run (owner, newest);
CREATE INDEX run_scan_id ON run (scan_id, newest) WHERE scan_id IS NOT NULL;
CREATE INDEX run_lease ON run (lease_until) WHERE lease_until IS NOT NULL;

-- One row per append; a document's number is id * 2^20 + its place.
CREATE TABLE block (
    id        INTEGER PRIMARY KEY,
    run,                           -- NULL where the documents wait for one
    directory BLOB NOT NULL,       -- MessagePack: what lies where in the body
    body      BLOB NOT NULL        -- the received bytes, one after the other
);
CREATE INDEX block_run ON block (run) WHERE run IS NOT NULL;

CREATE TABLE waiting (
    waits_for NOT NULL,
    number    INTEGER NOT NULL,
    PRIMARY KEY (waits_for, number)
) WITHOUT ROWID;

CREATE TABLE adopted (
    run    NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (run, number)
) WITHOUT ROWID;

CREATE TABLE anchor (
    uid NOT NULL PRIMARY KEY,
    run NOT NULL
) WITHOUT ROWID;

CREATE TABLE job (
    seq        INTEGER PRIMARY KEY,
    id         NOT NULL UNIQUE,
    phase      TEXT NOT NULL,
    kind       TEXT NOT NULL,
    owner      TEXT NOT NULL,
    created    REAL NOT NULL,
    not_before REAL NOT NULL,
    record     BLOB NOT NULL
);
CREATE INDEX job_created ON job (created);
CREATE INDEX job_phase ON job (phase, created);

CREATE TABLE job_run (
    run NOT NULL,
    job NOT NULL,
    PRIMARY KEY (run, job)
) WITHOUT ROWID;

CREATE TABLE reservation (
    space TEXT NOT NULL,
    name  TEXT NOT NULL,
    job   TEXT NOT NULL,
    PRIMARY KEY (space, name)
) WITHOUT ROWID;

CREATE TABLE progress_head (
    operation NOT NULL PRIMARY KEY,
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL,
    highest   INTEGER NOT NULL,
    final     INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE progress_entry (
    operation NOT NULL,
    number    INTEGER NOT NULL,
    at        REAL NOT NULL,
    type      TEXT NOT NULL,
    message   TEXT NOT NULL,
    progress  INTEGER,
    PRIMARY KEY (operation, number)
) WITHOUT ROWID;

CREATE TABLE product (
    seq    INTEGER PRIMARY KEY,
    id     NOT NULL UNIQUE,
    owner  TEXT NOT NULL,
    made   REAL NOT NULL,
    record BLOB NOT NULL
);
CREATE INDEX product_made ON product (made);
CREATE INDEX product_owner ON product (owner, made);

CREATE TABLE product_run (
    run     NOT NULL,
    product NOT NULL,
    PRIMARY KEY (run, product)
) WITHOUT ROWID;

CREATE TABLE token (
    hash    TEXT NOT NULL PRIMARY KEY,
    created REAL NOT NULL,
    record  BLOB NOT NULL
) WITHOUT ROWID;

-- Its one row is rewritten to prove that the disk takes writes.
CREATE TABLE durability (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    tests INTEGER NOT NULL
);
