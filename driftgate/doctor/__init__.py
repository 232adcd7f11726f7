"""``driftgate doctor``: look at everything that a deployment stands on, and say what to do about what is wrong."""
