"""Compare the responses of a contestant with those of the application, field by field."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx

FIELDS = {
    "id", "name", "description", "status", "quantity", "tags", "created_at", "updated_at",
    "version",
}  # fmt: skip
TIMES = ("created_at", "updated_at")
WHOLE = {
    "name": "  Kitchen tåble ",
    "description": "Two for the kitchen.",
    "status": "doing",
    "quantity": 2,
    "tags": ["home", "urgent"],
}
REFUSED: list[Any] = [
    {},
    [],
    {"name": None},
    {"name": ""},
    {"name": " \t"},
    {"name": "x" * 201},
    {"name": "a\x00b"},
    {"name": 5},
    {"name": "a", "colour": "red"},
    {"name": "a", "description": "x" * 2001},
    {"name": "a", "status": "lost"},
    {"name": "a", "status": None},
    {"name": "a", "quantity": -1},
    {"name": "a", "quantity": 2_147_483_648},
    {"name": "a", "quantity": 1.5},
    {"name": "a", "quantity": True},
    {"name": "a", "quantity": "5"},
    {"name": "a", "tags": "home"},
    {"name": "a", "tags": [""]},
    {"name": "a", "tags": ["x" * 51]},
    {"name": "a", "tags": ["home", "home"]},
    {"name": "a", "tags": [f"tag {number}" for number in range(21)]},
]
"""Bodies that no server may accept as an item."""

Answers = dict[str, Any]


def answers_of(address: str) -> Answers:
    """Return a server's responses to a series of requests, by step, without the parts that differ
    between servers (new ids, clock times, the form of ETags and of error bodies)."""
    answers: Answers = {}
    with httpx.Client(base_url=address) as client:
        for step, answer in _steps(client):
            answers[step] = answer
    return answers


def health_of(address: str) -> Answers:
    """The only step for a contestant without items."""
    with httpx.Client(base_url=address) as client:
        return {"health": _health(client)}


def differences(answers: Answers, ours: Answers) -> list[str]:
    """Return one line for each difference between `answers` and `ours`."""
    return [
        f"{step}: {answers.get(step)!r} instead of {expected!r}"
        for step, expected in ours.items()
        if answers.get(step) != expected
    ]


def first_etag(address: str, item_id: str) -> str:
    return httpx.get(f"{address}/api/items/{item_id}").headers["ETag"]


def _steps(client: httpx.Client) -> Iterator[tuple[str, Any]]:
    yield "health", _health(client)
    page = client.get("/api/items").json()
    yield "list of 50", [_item(item) for item in page["items"]]
    query = {"cursor": page["next_cursor"], "limit": 7}
    following = client.get("/api/items", params=query).json()
    yield "next page of 7", [_item(item) for item in following["items"]]
    for body in REFUSED:
        refused = client.post("/api/items", json=body).status_code in {400, 422}
        yield f"create {body!r:.60}", "refused" if refused else "taken"
    for body in (b"{", b""):
        headers = {"Content-Type": "application/json"}
        refused = client.post("/api/items", content=body, headers=headers).is_client_error
        yield f"create {body!r}", "refused" if refused else "taken"
    yield "list after them", client.get("/api/items").json() == page
    yield "create, minimal", _created(client, {"name": "First item"})[1]
    path, answer = _created(client, WHOLE)
    yield "create, whole", answer
    yield from _life(client, path)


def _created(client: httpx.Client, body: Any) -> tuple[str, Any]:
    """Create an item; return its path and the response."""
    created = client.post("/api/items", json=body)
    item = created.json()
    path = f"/api/items/{item['id']}"
    return path, (
        created.status_code,
        {k: v for k, v in _item(item).items() if k != "id" and k not in TIMES},
        item["created_at"] == item["updated_at"],
        created.headers["Location"] == path,
        client.get(path).json() == item,
    )


def _life(client: httpx.Client, path: str) -> Iterator[tuple[str, Any]]:
    read = client.get(path)
    etag = read.headers["ETag"]
    again = client.get(path, headers={"If-None-Match": etag})
    yield "get, 304", (again.status_code, again.content)
    known = {"If-Match": etag}
    changed = client.patch(path, json={"status": "done", "quantity": None}, headers=known)
    before, after = _item(read.json()), _item(changed.json())
    yield "update", (changed.status_code, {k: after[k] for k in FIELDS - {*TIMES, "id"}})
    yield (
        "update, the times",
        (
            after["created_at"] == before["created_at"],
            after["updated_at"] > before["updated_at"],
        ),
    )
    yield "update, the ETag", changed.headers["ETag"] not in {etag, None}
    yield "update is stored", client.get(path).json() == changed.json()
    stale = [
        client.patch(path, json={"status": "todo"}, headers=known).status_code,
        client.delete(path, headers=known).status_code,
    ]
    yield "writes to a version that is gone", stale
    newest = {"If-Match": changed.headers["ETag"]}
    empty = client.patch(path, json={"quantity": "5"}, headers=newest)
    yield "update, refused", empty.status_code in {400, 422}
    yield "still as it was", client.get(path).json() == changed.json()
    deleted = client.delete(path, headers=newest)
    yield "delete", (deleted.status_code, deleted.content)
    yield "get after delete", client.get(path).status_code


def _health(client: httpx.Client) -> Any:
    answer = client.get("/api/health")
    moment = datetime.fromisoformat(answer.json()["timestamp"])
    return answer.status_code, answer.json()["status"], moment.tzinfo is not None


def _item(item: dict[str, Any]) -> dict[str, Any]:
    """Parse the times of an item, because `Z` and `+00:00` mean the same."""
    assert item.keys() == FIELDS, item
    times = {name: datetime.fromisoformat(item[name]).timestamp() for name in TIMES}
    return {**item, **times, "id": UUID(item["id"])}
