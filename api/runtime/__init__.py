"""Flask as this service needs it: coroutines, services, the client's address."""
