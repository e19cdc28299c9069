-- expand
-- A term that is not among the commonest is taken for half as common as the least of
-- these. Of 300,000 rows that is known down to one in two thousand (of 90,000 down to one
-- in twelve only): among 10,000,000 runs a rare value takes 6 ms instead of 51, for an
-- ANALYZE of 6 s.
ALTER TABLE run_view ALTER COLUMN terms SET STATISTICS 1000;
