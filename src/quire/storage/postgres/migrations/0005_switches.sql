-- expand
-- What people have switched on or off, over what the configuration says.
-- `key`: space and name as a JSON array.

CREATE TABLE switch (
    key    BYTEA PRIMARY KEY,
    record BYTEA NOT NULL
);
