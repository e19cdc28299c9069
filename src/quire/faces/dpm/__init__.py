"""ESO's Data Product Manager: its commands and topics."""
