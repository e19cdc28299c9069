-- What people have switched on or off, over what the configuration says.

CREATE TABLE switch (
    space  TEXT NOT NULL,
    name   TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (space, name)
) WITHOUT ROWID;
