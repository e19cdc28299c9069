-- Labs, one a user; deleted ones too, whose progress log the next one goes on with.
CREATE TABLE lab (
    user      TEXT NOT NULL PRIMARY KEY,
    operation NOT NULL UNIQUE,     -- id, 16 bytes or text
    record    BLOB NOT NULL        -- MessagePack of quire.labs.lab.Lab
) WITHOUT ROWID;
