-- Numbers of jobs that are run outside; NULL for those that are run here.

ALTER TABLE job ADD COLUMN number INTEGER;
CREATE UNIQUE INDEX job_number ON job (number) WHERE number IS NOT NULL;
CREATE INDEX job_numbered ON job (created) WHERE number IS NOT NULL;
CREATE INDEX job_numbered_phase ON job (kind, owner, phase, created)
    WHERE number IS NOT NULL;
-- However many jobs stand in the queues of services, the next to run here is found.
CREATE INDEX job_ready ON job (phase, created) WHERE number IS NULL;

-- Its one row holds the last number that was given.
CREATE TABLE job_number_counter (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    last INTEGER NOT NULL
);
INSERT INTO job_number_counter (id, last) VALUES (1, 0);
CREATE TRIGGER job_number_given AFTER UPDATE OF number ON job
BEGIN
    UPDATE job_number_counter SET last = new.number WHERE id = 1;
END;
