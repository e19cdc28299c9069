-- expand
-- A uid is the UTF-8 of its text (bytea): it may hold a NUL, and sorts by its bytes.

-- One row per append; a document's number is id * 2^20 + its place. Of one run the ids
-- grow in the order of the commits, for who appends has locked the run.
-- `xact` tells from which transaction a row came: the id is taken before the commit, so
-- over all runs a smaller id may become visible after a greater one.
CREATE TABLE block (
    id        bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    xact      xid8   NOT NULL DEFAULT pg_current_xact_id(),
    run       bytea,               -- NULL where the documents wait for one
    directory bytea  NOT NULL,     -- MessagePack: what lies where in the body
    body      bytea  NOT NULL      -- the received bytes, one after the other, squeezed
);
-- What comes squeezed is not to be squeezed again.
ALTER TABLE block ALTER COLUMN body SET STORAGE EXTERNAL;
-- An entry of an index has at most 2,704 bytes; a uid may have more.
CREATE INDEX block_run ON block (substring(run FROM 1 FOR 1000), id)
    WHERE run IS NOT NULL;

CREATE TABLE waiting (
    waits_for bytea  NOT NULL,
    number    bigint NOT NULL,
    PRIMARY KEY (waits_for, number)
);

-- The short hashes of the rows of documents that wait: these are found in no run.
CREATE TABLE waiting_key (
    key    bigint NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (key, number)
);
CREATE INDEX waiting_key_number ON waiting_key (number);

-- Of one run `id` grows in the order of the commits.
CREATE TABLE adopted (
    id     bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
    xact   xid8   NOT NULL DEFAULT pg_current_xact_id(),
    run    bytea  NOT NULL,
    number bigint NOT NULL
);
CREATE INDEX adopted_run ON adopted (substring(run FROM 1 FOR 1000), id);

CREATE TABLE anchor (
    uid bytea NOT NULL PRIMARY KEY,
    run bytea NOT NULL
);

CREATE TABLE progress_head (
    operation bytea   NOT NULL PRIMARY KEY,
    first     bigint  NOT NULL,
    last      bigint  NOT NULL,
    highest   integer NOT NULL,
    final     boolean NOT NULL
);

CREATE TABLE progress_entry (
    operation bytea            NOT NULL,
    number    bigint           NOT NULL,
    at        double precision NOT NULL,
    type      text COLLATE "C" NOT NULL,
    message   bytea            NOT NULL,  -- UTF-8; may hold a NUL
    progress  integer,
    PRIMARY KEY (operation, number)
);

-- Its one row is rewritten to prove that the disk takes writes.
CREATE TABLE durability (
    id    integer PRIMARY KEY CHECK (id = 1),
    tests bigint  NOT NULL
);
