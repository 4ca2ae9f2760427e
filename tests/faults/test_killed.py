"""`kill -9` in the middle of writes; bench/durability.py does more rounds of it."""

from pathlib import Path

from bench.durability import killed_while_writing, stored_names

ROUNDS = 3


async def test_what_a_killed_server_had_acknowledged_is_there(
    tmp_path: Path, database_url: str
) -> None:
    acknowledged = []
    for _ in range(ROUNDS):
        names = await killed_while_writing(tmp_path, database_url)
        assert names
        acknowledged += names
        stored = await stored_names(database_url)
        assert set(acknowledged) <= set(stored)
        assert len(stored) == len(set(stored))
