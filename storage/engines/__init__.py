"""The databases: connections, transactions, revisions of the schema."""
