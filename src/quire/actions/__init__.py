"""The verbs: what can be done, each over the ports alone."""
