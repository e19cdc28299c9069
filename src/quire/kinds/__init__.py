"""Kinds of job, one module each."""
