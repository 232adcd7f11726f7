"""What an edit changes: the configuration at a git ref beside the one of the working tree, as data."""
