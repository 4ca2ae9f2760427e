"""Extensions of Flask for this service: coroutines, services, the client's address."""
