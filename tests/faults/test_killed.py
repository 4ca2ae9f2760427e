"""`kill -9` in the middle of writes; bench/durability.py does more rounds of it."""

from pathlib import Path

from bench.durability import Load, stored_names

ROUNDS = 3


async def test_what_a_killed_server_had_acknowledged_is_there_and_once(
    tmp_path: Path, database_url: str
) -> None:
    load = Load(tmp_path, database_url)
    sent_again = 0
    for _ in range(ROUNDS):
        before = len(load.acknowledged)
        await load.write_until_killed()
        assert len(load.acknowledged) > before
        sent_again += len(load.unanswered)
        assert set(load.acknowledged) <= set(await stored_names(database_url))
    assert sent_again > 0
    await load.send_again()
    stored = await stored_names(database_url)
    assert sorted(stored) == sorted(load.acknowledged)
