-- expand
-- Jobs, acquisitions, products, tokens, quality, saved queries, inlets and the outbox.
-- Texts of users are the UTF-8 of them (bytea): they may hold a NUL, and sort by their
-- bytes. `record` is the whole record as MessagePack; the columns before it are searched.

CREATE TABLE job (
    id          bytea            NOT NULL PRIMARY KEY,
    phase       text COLLATE "C" NOT NULL,
    kind        bytea            NOT NULL,
    owner       bytea            NOT NULL,
    created     double precision NOT NULL,  -- Unix seconds, as all times
    not_before  double precision NOT NULL,
    run_id      bytea            NOT NULL,
    error       bytea            NOT NULL,
    destruction double precision,
    number      bigint,                     -- NULL for those that are run here
    record      bytea            NOT NULL
);
CREATE INDEX job_created ON job (created, id);
CREATE INDEX job_phase ON job (phase, created, id);
CREATE INDEX job_owner ON job (owner, kind, created, id);
CREATE INDEX job_kind ON job (kind, created, id);
CREATE INDEX job_owned ON job (owner, created, id);
CREATE INDEX job_named ON job (run_id, created, id) WHERE run_id <> '';
CREATE INDEX job_error ON job (error, created, id) WHERE error <> '';
CREATE INDEX job_due ON job (destruction, id)
    WHERE destruction IS NOT NULL AND phase <> 'ARCHIVED';
CREATE INDEX job_archived ON job (destruction, id)
    WHERE destruction IS NOT NULL AND phase = 'ARCHIVED';
CREATE UNIQUE INDEX job_number ON job (number) WHERE number IS NOT NULL;
CREATE INDEX job_numbered ON job (created, number) WHERE number IS NOT NULL;
CREATE INDEX job_numbered_phase ON job (kind, owner, phase, created, number)
    WHERE number IS NOT NULL;
-- However many jobs stand in the queues of services, the next to run here is found.
CREATE INDEX job_ready ON job (phase, created, id) WHERE number IS NULL;

-- Its one row holds the last number that was given; who gives one holds it until the
-- commit, so that numbers grow in the order of the commits.
CREATE TABLE job_number_counter (
    id   integer PRIMARY KEY CHECK (id = 1),
    last bigint  NOT NULL
);
INSERT INTO job_number_counter (id, last) VALUES (1, 0);

CREATE TABLE job_run (
    run bytea NOT NULL,
    job bytea NOT NULL,
    PRIMARY KEY (run, job)
);

-- One row for each value of a parameter: the digest of both, for they may be long.
CREATE TABLE job_parameter (
    term bytea NOT NULL,
    job  bytea NOT NULL,
    PRIMARY KEY (term, job)
);
CREATE INDEX job_parameter_job ON job_parameter (job);

CREATE TABLE reservation (
    space bytea NOT NULL,
    name  bytea NOT NULL,
    job   bytea NOT NULL,
    -- Names may be longer than an entry of an index.
    key   bytea NOT NULL PRIMARY KEY
        GENERATED ALWAYS AS (sha256(int4send(length(space)) || space || name)) STORED
);

-- Acquisitions as their jobs have them, and each change of them in order.
CREATE TABLE acquisition (
    id       bytea            NOT NULL PRIMARY KEY,
    job      bytea            NOT NULL,
    file_id  bytea            NOT NULL,
    owner    bytea            NOT NULL,
    substate text COLLATE "C" NOT NULL,
    created  double precision NOT NULL,
    changed  double precision NOT NULL,
    record   bytea            NOT NULL
);
CREATE INDEX acquisition_created ON acquisition (created, id);
CREATE INDEX acquisition_substate ON acquisition (substate, created, id);
CREATE INDEX acquisition_job ON acquisition (job);

-- `number` is given right before the commit, in the order of the commits, by who then
-- holds the one row of the counter.
CREATE TABLE acquisition_change (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    number      bigint UNIQUE,
    acquisition bytea NOT NULL,
    record      bytea NOT NULL
);
CREATE INDEX acquisition_change_new ON acquisition_change (id) WHERE number IS NULL;
CREATE INDEX acquisition_change_of ON acquisition_change (acquisition);

CREATE TABLE acquisition_change_counter (
    id   integer PRIMARY KEY CHECK (id = 1),
    last bigint  NOT NULL
);
INSERT INTO acquisition_change_counter (id, last) VALUES (1, 0);

CREATE TABLE product (
    id     bytea            NOT NULL PRIMARY KEY,
    owner  bytea            NOT NULL,
    made   double precision NOT NULL,
    record bytea            NOT NULL
);
CREATE INDEX product_made ON product (made, id);
CREATE INDEX product_owner ON product (owner, made, id);

CREATE TABLE product_run (
    run     bytea NOT NULL,
    product bytea NOT NULL,
    PRIMARY KEY (run, product)
);

CREATE TABLE token (
    hash    bytea            NOT NULL PRIMARY KEY,
    created double precision NOT NULL,
    record  bytea            NOT NULL
);

-- Who changed what of a run's quality: rows are added, never changed.
CREATE TABLE run_change (
    run     bytea  NOT NULL,
    version bigint NOT NULL,
    batch   bytea  NOT NULL,
    entry   bytea  NOT NULL,
    PRIMARY KEY (run, version)
);
CREATE INDEX run_change_batch ON run_change (batch, run, version) WHERE batch <> '';

CREATE TABLE run_list (
    name    bytea   NOT NULL,
    version bigint  NOT NULL,
    done    boolean NOT NULL,      -- whether all members are marked
    head    bytea   NOT NULL,      -- the list without members
    members bytea   NOT NULL,
    PRIMARY KEY (name, version)
);
CREATE INDEX run_list_unfinished ON run_list (name, version) WHERE NOT done;

-- `standing`: 1 private, 2 shared, for the newest version unless it is deleted; else 0.
CREATE TABLE saved_query (
    name     bytea    NOT NULL,
    owner    bytea    NOT NULL,
    version  bigint   NOT NULL,
    standing smallint NOT NULL,
    record   bytea    NOT NULL,
    PRIMARY KEY (name, owner, version)
);
CREATE INDEX saved_query_standing ON saved_query (name, owner) WHERE standing > 0;

CREATE TABLE inlet_position (
    inlet bytea NOT NULL,
    key   bytea NOT NULL,
    state bytea NOT NULL,
    -- The path of a file may be longer than an entry of an index.
    place bytea NOT NULL GENERATED ALWAYS AS (sha256(key)) STORED,
    PRIMARY KEY (inlet, place)
);

CREATE TABLE inlet_aside (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    inlet  bytea NOT NULL,
    place  bytea NOT NULL,
    digest bytea NOT NULL,
    record bytea NOT NULL,
    -- A place may be longer than an entry of an index.
    key    bytea NOT NULL GENERATED ALWAYS AS (sha256(place || digest)) STORED,
    UNIQUE (inlet, key)
);
CREATE INDEX inlet_aside_order ON inlet_aside (inlet, id);

CREATE TABLE outlet (
    name   bytea  NOT NULL PRIMARY KEY,
    number bigint NOT NULL,
    late   bigint NOT NULL
);

CREATE TABLE outlet_run (
    outlet     bytea            NOT NULL,
    run        bytea            NOT NULL,
    state      text COLLATE "C" NOT NULL,
    not_before double precision NOT NULL,
    record     bytea            NOT NULL,
    PRIMARY KEY (outlet, run)
);
CREATE INDEX outlet_run_state ON outlet_run (outlet, state, not_before, run);

-- The outbox. Blocks go out by their ids, which are taken before the commit: so one may
-- become visible after a greater one. No outlet may pass an id that still can.
--
-- Every transaction that stores blocks leaves a mark right before its commit: how far
-- the ids had come (`last`), and a number of a transaction taken after that was read
-- (`behind`: that of a subtransaction). A transaction takes its number before its first
-- id. So whoever took an id up to `last` has a number below `behind`; once no
-- transaction below `behind` is under way, all ids up to `last` are visible or void.
CREATE TABLE outbox_mark (
    backend integer NOT NULL,
    turn    integer NOT NULL,      -- a few of each connection are kept, by turns
    behind  xid8    NOT NULL,
    last    bigint  NOT NULL,
    xact    xid8    NOT NULL,
    PRIMARY KEY (backend, turn)
) WITH (fillfactor = 50);

CREATE FUNCTION outbox_mark() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    own     bigint := pg_current_xact_id()::text::bigint;
    reached bigint := coalesce(pg_sequence_last_value('block_id_seq'), 0);
    newer   bigint;
BEGIN
    BEGIN  -- a subtransaction; it gets its number by the row that it writes
        INSERT INTO outbox_mark (backend, turn, behind, last, xact)
        VALUES (pg_backend_pid(), own % 16, '9223372036854775807', reached,
                pg_current_xact_id())
        ON CONFLICT (backend, turn) DO UPDATE SET
            behind = excluded.behind, last = excluded.last, xact = excluded.xact
        RETURNING xmin::text::bigint INTO newer;
    EXCEPTION WHEN division_by_zero THEN
        RAISE;
    END;
    newer := (own & ~4294967295) | newer;  -- a row knows the lower 32 bits alone
    IF newer < own THEN
        newer := newer + 4294967296;
    END IF;
    UPDATE outbox_mark SET behind = newer::text::xid8
    WHERE backend = pg_backend_pid() AND turn = own % 16;
END $$;

CREATE FUNCTION outbox_number_first() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_current_xact_id();
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_number_first BEFORE INSERT ON block
    FOR EACH STATEMENT EXECUTE FUNCTION outbox_number_first();

CREATE FUNCTION outbox_end_of_blocks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM outbox_mark
        WHERE backend = pg_backend_pid()
          AND turn = pg_current_xact_id()::text::bigint % 16
          AND xact = pg_current_xact_id() AND last >= NEW.id
    ) THEN
        PERFORM outbox_mark();
    END IF;
    RETURN NULL;
END $$;
-- `quire migrate` brings ids along; it leaves a mark when all is there.
CREATE CONSTRAINT TRIGGER outbox_end_of_blocks AFTER INSERT ON block
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (current_setting('quire.moving', true) IS DISTINCT FROM 'yes')
    EXECUTE FUNCTION outbox_end_of_blocks();

-- What left the state of waiting, right behind the block that told its run: `id` is
-- that block's id * 2^20 + a place. By triggers, so that nothing can be adopted and yet
-- escape the outlets.
CREATE TABLE outbox_late (
    id     bigint NOT NULL PRIMARY KEY,
    run    bytea  NOT NULL,
    number bigint NOT NULL
);

-- What was adopted in a transaction under way, until the block comes that told the run.
CREATE TABLE outbox_untold (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run     bytea    NOT NULL,
    numbers bigint[] NOT NULL
);

CREATE FUNCTION outbox_place(told bytea, block bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    every bigint[];
BEGIN
    WITH gone AS (DELETE FROM outbox_untold WHERE run = told RETURNING id, numbers)
    SELECT array_agg(one.number ORDER BY gone.id, one.place) INTO every
    FROM gone, unnest(gone.numbers) WITH ORDINALITY AS one (number, place);
    FOR begun IN 0 .. coalesce(cardinality(every), 0) - 1 BY 1048576 LOOP
        INSERT INTO outbox_late (id, run, number)
        SELECT (block << 20) + one.place - 1, told, one.number
        FROM unnest(every[begun + 1 : begun + 1048576])
            WITH ORDINALITY AS one (number, place);
        block := nextval('block_id_seq');
    END LOOP;
END $$;

CREATE FUNCTION outbox_adopted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox_untold (run, numbers)
    SELECT run, array_agg(number ORDER BY id) FROM fresh GROUP BY run;
    PERFORM set_config('quire.untold', 'yes', true);
    RETURN NULL;
END $$;
-- `quire migrate` brings late documents' places along, too.
CREATE TRIGGER outbox_adopted AFTER INSERT ON adopted
    REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT WHEN (current_setting('quire.moving', true) IS DISTINCT FROM 'yes')
    EXECUTE FUNCTION outbox_adopted();

CREATE FUNCTION outbox_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM outbox_place(NEW.run, NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER outbox_told AFTER INSERT ON block
    FOR EACH ROW
    WHEN (NEW.run IS NOT NULL AND current_setting('quire.untold', true) = 'yes')
    EXECUTE FUNCTION outbox_told();

-- Where the document that told the run was not stored: behind all of the transaction.
CREATE FUNCTION outbox_never_told() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM outbox_untold WHERE id = NEW.id) THEN
        PERFORM outbox_place(NEW.run, nextval('block_id_seq'));
        PERFORM outbox_mark();
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER outbox_never_told AFTER INSERT ON outbox_untold
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION outbox_never_told();

-- What `quire migrate` has copied here; while `done` is false the copy is not whole.
CREATE TABLE moving (
    id     integer PRIMARY KEY CHECK (id = 1),
    source text    NOT NULL,
    done   boolean NOT NULL
);
