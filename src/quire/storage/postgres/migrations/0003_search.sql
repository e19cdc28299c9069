-- expand
-- What changes with every event: few columns and one index, so that most updates stay
-- on their page and touch no index (HOT).
CREATE TABLE run (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    uid    bytea  NOT NULL UNIQUE,
    events bigint NOT NULL,
    facts  bytea  NOT NULL,        -- hash of all that run_view is made from
    record bytea  NOT NULL
) WITH (fillfactor = 80);

-- Only of runs that are open and not marked interrupted.
CREATE TABLE run_lease (
    run   bigint           NOT NULL PRIMARY KEY,
    until double precision NOT NULL
);
CREATE INDEX run_lease_until ON run_lease (until);

-- What runs are searched by; written anew only when its facts change. What orders and
-- narrows a search stands before the wide columns.
CREATE TABLE run_view (
    run        bigint           NOT NULL PRIMARY KEY,
    newest     double precision NOT NULL,  -- start time, Unix seconds; -Infinity without
    experiment bigint           NOT NULL,  -- 2^63-1 where there is none, to sort last
    number     bigint           NOT NULL,
    access     integer          NOT NULL,  -- access_list.id
    scan_id    numeric,
    uid        bytea            NOT NULL,
    facets     bytea            NOT NULL,  -- MessagePack: what the counters have of it
    terms      bigint[]         NOT NULL,  -- hashes of `path=value`, of paths, of words
    view       jsonb            NOT NULL   -- values by path, several in an array
) WITH (autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX run_view_newest ON run_view (newest, uid);
CREATE INDEX run_view_number ON run_view (experiment, number, uid);
CREATE INDEX run_view_access ON run_view (access);
CREATE INDEX run_view_scan_id ON run_view (scan_id) WHERE scan_id IS NOT NULL;
-- What was put last waits in a list that every search reads too; it is merged in bulk.
CREATE INDEX run_view_terms ON run_view USING gin (terms)
    WITH (fastupdate = on, gin_pending_list_limit = 4096);
-- How common a term is decides how a search is made.
ALTER TABLE run_view ALTER COLUMN terms SET STATISTICS 300;
ALTER TABLE run_view ALTER COLUMN view SET STATISTICS 0;
ALTER TABLE run_view ALTER COLUMN facets SET STATISTICS 0;

CREATE TABLE access_list (
    id      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest  bytea   NOT NULL UNIQUE,
    members bytea[] NOT NULL               -- UTF-8 of each key
);
CREATE INDEX access_list_members ON access_list USING gin (members);

-- Runs by field, value and access list: the sum of both tables. Changes are only ever
-- added, so that nobody waits for somebody else's; they are folded behind the work.
CREATE TABLE facet (
    access integer          NOT NULL,      -- access_list.id; 0 for all of them together
    field  text COLLATE "C" NOT NULL,
    value  text COLLATE "C" NOT NULL,
    runs   bigint           NOT NULL,
    PRIMARY KEY (access, field, value)
);
CREATE TABLE facet_change (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    field  text COLLATE "C" NOT NULL,
    value  text COLLATE "C" NOT NULL,
    access integer          NOT NULL,
    runs   bigint           NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

-- Fields that an operator wants in order: `quire index add`.
CREATE TABLE field_index (
    field integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    path  text COLLATE "C" NOT NULL UNIQUE,
    below bigint               -- runs with smaller ids are still to be filled in
);
CREATE TABLE field_value (
    field  integer NOT NULL,
    run    bigint  NOT NULL,
    number numeric,            -- one of the two
    text   text COLLATE "C"    -- the first 200 characters
);
CREATE INDEX field_value_number ON field_value (field, number, run)
    WHERE number IS NOT NULL;
CREATE INDEX field_value_text ON field_value (field, text, run) WHERE text IS NOT NULL;
CREATE INDEX field_value_run ON field_value (run);

-- What runs are described by; runs with smaller ids are still described otherwise.
CREATE TABLE run_described (
    id      integer PRIMARY KEY CHECK (id = 1),
    version text    NOT NULL,
    below   bigint
);
