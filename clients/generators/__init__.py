"""`make clients`: clients made by generators in use, run against a real server."""
