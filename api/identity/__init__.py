"""Who sends a request, and whether the operation is theirs to call."""
