"""The Python client and the RunEngine's subscriber."""
