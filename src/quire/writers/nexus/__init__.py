"""NeXus in HDF5."""
