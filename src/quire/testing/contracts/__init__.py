"""The parts of the store's contract, one file a port."""
