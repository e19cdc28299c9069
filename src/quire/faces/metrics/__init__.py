"""Figures for those who watch many servers."""
