"""`kill -9` in the middle of writes; `python -m bench.durability` does more rounds of it."""

from pathlib import Path

import pytest

from bench.durability import Load


@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("takes_long")
async def test_acknowledged_writes_of_a_killed_server_are_stored_exactly_once(
    tmp_path: Path, database_url: str, long_form: bool
) -> None:
    """A kill cuts off a write of each of the 16 clients, in whichever phase it is: on its way, in
    its transaction, or committed and not answered."""
    load = Load(tmp_path, database_url, most=300 if long_form else 50)
    for _ in range(35 if long_form else 1):
        before = load.ledger.acknowledged
        await load.write_until_killed()
        assert load.ledger.acknowledged > before
    result = await load.result()
    assert result.is_clean, result
    assert result.retried > 0
