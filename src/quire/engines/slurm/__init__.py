"""Attempts as jobs of Slurm: on any node that a facility's scheduler chooses."""
