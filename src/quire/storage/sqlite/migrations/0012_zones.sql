-- Between what ids, which stand in order of time, lie the runs of each 1,024 numbers: by
-- these a search in one order skips what its bounds in another leave out.
-- Times are counted in 2^40 ids (half an hour), so that few runs widen a zone. Zones are
-- never made narrower: a run that left one costs a look there.

CREATE TABLE number_zone (
    experiment INTEGER NOT NULL,
    stretch    INTEGER NOT NULL,  -- run number >> 10
    earliest   INTEGER NOT NULL,  -- id >> 40
    latest     INTEGER NOT NULL,
    PRIMARY KEY (experiment, stretch)
) WITHOUT ROWID;
CREATE TABLE scan_id_zone (
    stretch  INTEGER PRIMARY KEY,  -- scan_id >> 10; 2^62 for all that are text
    earliest INTEGER NOT NULL,
    latest   INTEGER NOT NULL
);
INSERT INTO number_zone
    SELECT experiment, run >> 10, min(id) >> 40, max(id) >> 40
    FROM run INDEXED BY run_number GROUP BY 1, 2;
INSERT INTO scan_id_zone
    SELECT iif(typeof(scan_id) = 'integer', scan_id >> 10, 1 << 62),
           min(id) >> 40, max(id) >> 40
    FROM run INDEXED BY run_scan_id WHERE scan_id IS NOT NULL GROUP BY 1;
