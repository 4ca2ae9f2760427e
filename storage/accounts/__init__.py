"""Users, their credentials, their sessions, and which of them may do what."""
