"""The log, the audit events, the metrics and the state of the dependencies."""
