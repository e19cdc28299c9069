-- expand
-- Whether a commit was kept whose answer was lost: each connection that writes numbers
-- its commits here, within them. The number of a transaction does not tell: one whose
-- writes were not on disk when the server crashed is given to another (that whose
-- COMMIT never arrived would then be taken for "committed").
CREATE TABLE last_commit (
    writer text NOT NULL PRIMARY KEY,
    number bigint NOT NULL DEFAULT 0,
    at     timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);
