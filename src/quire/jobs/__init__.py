"""Jobs as values: the record, the phases and the one transition table."""
