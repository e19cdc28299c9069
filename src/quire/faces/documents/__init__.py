"""Documents in, over HTTP."""
