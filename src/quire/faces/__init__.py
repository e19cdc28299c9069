"""One package a protocol."""
