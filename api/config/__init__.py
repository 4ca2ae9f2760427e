"""The settings: their declaration, how they are read, and what they expose."""
