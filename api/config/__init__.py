"""The settings: what they are, how they are read, and what they leave open."""
