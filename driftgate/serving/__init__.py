"""The model API: predictions, and the drift of what was predicted on. Reached over HTTP only."""
