-- contract 6
-- An entry of an index has at most 2,704 bytes, and a uid or a name may have more. What
-- is longer than 500 bytes stands in indexed columns as its first 500 and its SHA-256;
-- here is what such a key stands for.
CREATE TABLE long_key (
    key  bytea NOT NULL PRIMARY KEY,
    text bytea NOT NULL
);

CREATE FUNCTION quire_short_key(whole bytea) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN octet_length(whole) > 500
        THEN substring(whole FROM 1 FOR 500) || sha256(whole) ELSE whole END
$$;

INSERT INTO long_key (key, text)
SELECT DISTINCT quire_short_key(whole), whole FROM (
    SELECT run FROM job_run
    UNION ALL SELECT id FROM acquisition
    UNION ALL SELECT acquisition FROM acquisition_change
    UNION ALL SELECT owner FROM product
    UNION ALL SELECT run FROM product_run
    UNION ALL SELECT run FROM run_change
    UNION ALL SELECT name FROM run_list
    UNION ALL SELECT name FROM saved_query
    UNION ALL SELECT owner FROM saved_query
    UNION ALL SELECT inlet FROM inlet_position
    UNION ALL SELECT inlet FROM inlet_aside
    UNION ALL SELECT name FROM outlet
    UNION ALL SELECT outlet FROM outlet_run
    UNION ALL SELECT run FROM outlet_run
) AS every (whole) WHERE octet_length(whole) > 500;

UPDATE job_run SET run = quire_short_key(run) WHERE octet_length(run) > 500;
UPDATE acquisition SET id = quire_short_key(id) WHERE octet_length(id) > 500;
UPDATE acquisition_change SET acquisition = quire_short_key(acquisition)
    WHERE octet_length(acquisition) > 500;
UPDATE product SET owner = quire_short_key(owner) WHERE octet_length(owner) > 500;
UPDATE product_run SET run = quire_short_key(run) WHERE octet_length(run) > 500;
UPDATE run_change SET run = quire_short_key(run) WHERE octet_length(run) > 500;
UPDATE run_list SET name = quire_short_key(name) WHERE octet_length(name) > 500;
UPDATE saved_query SET name = quire_short_key(name), owner = quire_short_key(owner)
    WHERE octet_length(name) > 500 OR octet_length(owner) > 500;
UPDATE inlet_position SET inlet = quire_short_key(inlet)
    WHERE octet_length(inlet) > 500;
UPDATE inlet_aside SET inlet = quire_short_key(inlet) WHERE octet_length(inlet) > 500;
UPDATE outlet SET name = quire_short_key(name) WHERE octet_length(name) > 500;
UPDATE outlet_run SET outlet = quire_short_key(outlet), run = quire_short_key(run)
    WHERE octet_length(outlet) > 500 OR octet_length(run) > 500;
UPDATE switch SET key = quire_short_key(key) WHERE octet_length(key) > 500;

DROP FUNCTION quire_short_key(bytea);
