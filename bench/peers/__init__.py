"""The alternatives, each written as its own documentation teaches.

They store the same items in the same tables as the application, triggers and indexes included, and
reject the same bodies. They leave out the application's other features (request ids, a log line for
each request, CORS, security headers, problems with pointers), so they don't pay for them. They run
in their own environment: requirements/bench.txt.
"""
