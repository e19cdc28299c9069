"""Wobbly, the job store of Safir's services (``reference/wobbly.md``)."""
