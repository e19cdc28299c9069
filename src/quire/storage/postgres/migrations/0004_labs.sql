-- expand
-- Labs, one a user; deleted ones too, whose progress log the next one goes on with.
CREATE TABLE lab (
    name      bytea NOT NULL PRIMARY KEY,  -- of the user, UTF-8
    operation bytea NOT NULL UNIQUE,
    record    bytea NOT NULL               -- MessagePack of quire.labs.lab.Lab
);
