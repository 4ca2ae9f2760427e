"""The steps of every program, and what the server logs when a program has taken them."""

from collections.abc import Iterable

STEPS = {
    "register": [("register_user", 201)],
    "sign in": [("create_token", 200)],
    "create": [("create_item", 201), ("create_item", 201)],
    "list": [("list_items", 200), ("list_items", 200)],
    "304": [("get_item", 200), ("get_item", 304)],
    "PUT": [("replace_item", 200)],
    "PATCH": [("update_item", 200)],
    "400": [("list_items", 400)],
    "404": [("get_item", 404)],
    "412": [("update_item", 412)],
    "delete": [("delete_item", 204)],
    "refresh": [("create_token", 200), ("get_current_user", 200)],
}
"""By name: the operation of each call, and the status of its response."""

Calls = list[tuple[str, int]]


def outcome(printed: Iterable[str], logged: Calls) -> list[str]:
    """What went wrong, one sentence a step; none if a program did all that it had to.

    `printed`: the program's lines, "ok", a tab and the step, or "failed", the step and the reason.
    A program's word is not enough: the server must have logged the calls.
    """
    lines = [line.split("\t") for line in printed]
    problems = [": ".join(line[1:] or line) for line in lines if line[0] != "ok"]
    if [line[1] for line in lines if len(line) > 1] != list(STEPS):
        problems.append("it didn't take every step")
    if not problems and logged != [call for calls in STEPS.values() for call in calls]:
        problems.append(f"the server logged {logged}")
    return problems
