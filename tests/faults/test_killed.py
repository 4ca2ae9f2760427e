"""`kill -9` in the middle of writes; bench/durability.py does more rounds of it."""

from pathlib import Path

from bench.durability import Load, stored_names


async def test_what_a_killed_server_had_acknowledged_is_there_and_once(
    tmp_path: Path, database_url: str, long_form: bool
) -> None:
    """A kill cuts off a write of each of the 16 clients, in whichever phase it is: on its way, in
    its transaction, or committed and not answered."""
    load = Load(tmp_path, database_url, most=300 if long_form else 50)
    sent_again = 0
    for _ in range(3 if long_form else 1):
        before = len(load.acknowledged)
        await load.write_until_killed()
        assert len(load.acknowledged) > before
        sent_again += len(load.unanswered)
        assert set(load.acknowledged) <= set(await stored_names(database_url))
    assert sent_again > 0
    await load.send_again()
    stored = await stored_names(database_url)
    assert sorted(stored) == sorted(load.acknowledged)
