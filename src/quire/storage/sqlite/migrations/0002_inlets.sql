-- How far inlets have come, and what they set aside.

CREATE TABLE inlet_position (
    inlet TEXT NOT NULL,
    key TEXT NOT NULL,
    state BLOB NOT NULL,
    PRIMARY KEY (inlet, key)
) WITHOUT ROWID;

CREATE TABLE inlet_aside (
    id INTEGER PRIMARY KEY,
    inlet TEXT NOT NULL,
    place TEXT NOT NULL,
    digest TEXT NOT NULL,
    record BLOB NOT NULL
);

CREATE UNIQUE INDEX inlet_aside_key ON inlet_aside (inlet, place, digest);
CREATE INDEX inlet_aside_order ON inlet_aside (inlet, id);
