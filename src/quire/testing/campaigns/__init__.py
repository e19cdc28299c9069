"""Campaigns: real servers, killed again and again."""
