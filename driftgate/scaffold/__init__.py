"""A new pipeline as a commented file, with what its data suggest filled in."""
