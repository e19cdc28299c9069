"""Projections: what a site can make, and the rules that make it."""
