"""The parts of HTTP that all operations share: bodies, queries, headers, errors, CORS."""
