"""The server's root: chooses adapters, assembles, starts, stops."""
