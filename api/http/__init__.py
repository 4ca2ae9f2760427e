"""HTTP's parts that all operations share: bodies, queries, headers, errors, CORS."""
