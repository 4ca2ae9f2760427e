"""Clients: how ours are generated, and what other generators make of the document."""
