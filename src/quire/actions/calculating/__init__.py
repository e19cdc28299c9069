"""Calling registered functions in a process that can do nothing else."""
