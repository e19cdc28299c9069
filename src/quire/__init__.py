"""Quire: the flight recorder and product factory of a science facility."""
