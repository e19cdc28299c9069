"""A real Slurm of one node, for tests and figures."""
