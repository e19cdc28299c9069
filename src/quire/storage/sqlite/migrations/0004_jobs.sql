-- What jobs are searched by, and the order in which they are destroyed.

ALTER TABLE job ADD COLUMN run_id TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN error TEXT NOT NULL DEFAULT '';
ALTER TABLE job ADD COLUMN destruction REAL;
CREATE INDEX job_owner ON job (owner, kind, created);
CREATE INDEX job_kind ON job (kind, created);
CREATE INDEX job_named ON job (run_id, created) WHERE run_id <> '';
CREATE INDEX job_error ON job (error, created) WHERE error <> '';
CREATE INDEX job_owned ON job (owner, created);
CREATE INDEX job_due ON job (destruction)
    WHERE destruction IS NOT NULL AND phase <> 'ARCHIVED';
CREATE INDEX job_archived ON job (destruction)
    WHERE destruction IS NOT NULL AND phase = 'ARCHIVED';

-- Values of parameters as text, one row each.
CREATE TABLE job_parameter (
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    job   NOT NULL,
    PRIMARY KEY (name, value, job)
) WITHOUT ROWID;
