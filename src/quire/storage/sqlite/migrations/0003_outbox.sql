-- What left the state of waiting, in the order of that. `behind` is the block that told
-- the run, or the last one before it where that document was not stored.
CREATE TABLE outbox_late (
    id     INTEGER PRIMARY KEY,
    run    NOT NULL,
    number INTEGER NOT NULL,
    behind INTEGER NOT NULL
);
INSERT INTO outbox_late (run, number, behind)
    SELECT run, number, (SELECT coalesce(max(id), 0) FROM block) FROM adopted
    ORDER BY number;

-- By a trigger, so that nothing can be adopted and yet escape the outlets.
CREATE TRIGGER adopted_goes_out AFTER INSERT ON adopted BEGIN
    INSERT INTO outbox_late (run, number, behind)
    VALUES (new.run, new.number, (SELECT coalesce(max(id), 0) + 1 FROM block));
END;

CREATE TABLE outlet (
    name   TEXT NOT NULL PRIMARY KEY,
    number INTEGER NOT NULL,
    late   INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE outlet_run (
    outlet     TEXT NOT NULL,
    run        NOT NULL,
    state      TEXT NOT NULL,
    not_before REAL NOT NULL,
    record     BLOB NOT NULL,
    PRIMARY KEY (outlet, run)
) WITHOUT ROWID;
CREATE INDEX outlet_run_state ON outlet_run (outlet, state, not_before);
