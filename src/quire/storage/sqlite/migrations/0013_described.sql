-- Runs whose ids are less than this are still to be described as `version` says, from the
-- newest on, a few at a time; null once none is.
ALTER TABLE run_described ADD COLUMN below INTEGER;
