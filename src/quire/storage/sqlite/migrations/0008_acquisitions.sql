-- Acquisitions as their jobs have them, and each change of them in order.

CREATE TABLE acquisition (
    id       TEXT PRIMARY KEY,
    job      NOT NULL,
    file_id  TEXT NOT NULL,
    owner    TEXT NOT NULL,
    substate TEXT NOT NULL,
    created  REAL NOT NULL,
    changed  REAL NOT NULL,
    record   BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX acquisition_created ON acquisition (created, id);
CREATE INDEX acquisition_substate ON acquisition (substate, created);
CREATE INDEX acquisition_job ON acquisition (job);

CREATE TABLE acquisition_change (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    acquisition TEXT NOT NULL,
    record      BLOB NOT NULL
);
CREATE INDEX acquisition_change_of ON acquisition_change (acquisition);
