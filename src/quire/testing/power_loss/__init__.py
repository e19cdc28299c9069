"""A disk that forgets what was not synced when its power goes."""
