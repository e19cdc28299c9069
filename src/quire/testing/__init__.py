"""Fakes and contract suites, shipped so that others can prove their adapters."""
