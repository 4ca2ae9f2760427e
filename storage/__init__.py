"""The tables, the functions over them, and the Database that runs those functions.

A function takes a Connection first and returns rows; what goes wrong it raises as a fact.
"""

from storage.database import Database, DatabaseUnavailable

__all__ = ["Database", "DatabaseUnavailable"]
