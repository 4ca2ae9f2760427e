"""Rate limits, and the clients that they count."""
