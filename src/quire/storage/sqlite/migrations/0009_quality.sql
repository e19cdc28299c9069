-- Who changed what of a run's quality: rows are added, never changed.
CREATE TABLE run_change (
    run     NOT NULL,              -- uid, 16 bytes or text
    version INTEGER NOT NULL,
    batch   TEXT NOT NULL,
    entry   BLOB NOT NULL,         -- MessagePack of quire.runs.changes.Entry
    PRIMARY KEY (run, version)
) WITHOUT ROWID;
CREATE INDEX run_change_batch ON run_change (batch) WHERE batch <> '';

CREATE TABLE run_list (
    name    TEXT NOT NULL,
    version INTEGER NOT NULL,
    done    INTEGER NOT NULL,      -- whether all members are marked
    head    BLOB NOT NULL,         -- MessagePack of the list without members
    members BLOB NOT NULL,
    PRIMARY KEY (name, version)
) WITHOUT ROWID;
