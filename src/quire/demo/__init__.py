"""The simulated instrument and the demonstration."""
