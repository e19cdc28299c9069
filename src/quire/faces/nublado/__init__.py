"""Labs by the rules of Nublado's controller (``reference/labs.md``)."""
