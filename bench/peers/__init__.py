"""What people would pick instead, each as its own documentation teaches it.

They keep the same items in the same tables as the application, triggers and indexes included,
and refuse the same bodies. What the application does besides (request ids, a log line for each
request, CORS, security headers, problems with pointers) they leave out, and nothing slows them
for it. They run in an environment of their own: requirements/bench.txt.
"""
