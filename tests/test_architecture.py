"""The house rules of docs/architecture.md, kept."""

import ast
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from api.runtime.async_flask import AsyncFlask

ROOT = Path(__file__).parent.parent
PACKAGES = ("api", "schemas", "openapi", "storage", "serving", "migrations")
MAY_IMPORT = {
    "asgi": {"api", "serving", "storage"},
    "api": {"openapi", "schemas", "storage"},
    "openapi": {"schemas"},
    "migrations": {"storage"},
    "schemas": set(),
    "storage": set(),
    "serving": set(),
}
ONLY_IN = {
    "flask": {"api", "openapi"},
    "flask_cors": {"api"},
    "sqlalchemy": {"storage", "migrations"},
    "alembic": {"storage", "migrations"},
    "hypercorn": {"serving"},
    "asgiref": {"serving"},
    "apispec": {"openapi"},
    "limits": {"api"},
    "redis": {"api"},
}
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))] + [
    ROOT / "asgi.py"
]


def imports(tree: ast.AST) -> Iterator[tuple[str, ast.stmt]]:
    """The top-level name of each import below `tree`, with the statement."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0], node


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_a_package_imports_only_what_it_may(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0].removesuffix(".py")
    allowed = MAY_IMPORT[package] | {package}
    tree = ast.parse(path.read_text())
    for name, node in imports(tree):
        if name in MAY_IMPORT:
            assert name in allowed, f"{name_of(path)}:{node.lineno} imports {name}"
        assert package in ONLY_IN.get(name, {package}), f"{name_of(path)} imports {name}"


LATE = {
    "api/application.py",  # cryptography
    "api/config/url_parsers.py",  # Redis's client
    "api/limiting/rate_limits.py",  # Redis's client
    "storage/__init__.py",  # asyncpg
    "storage/engines/revisions.py",  # Alembic
}
"""Where something is imported in a function, so that a start without it is spared its time."""


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_imports_stand_at_the_top(path: Path) -> None:
    text = path.read_text()
    late = [
        name
        for function in ast.walk(ast.parse(text))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for name, _ in imports(function)
    ]
    assert bool(late) == (name_of(path) in LATE)
    assert "import_module" not in text  # which mypy can't follow


RESOURCE = "orders, for example"
LAYERS = {
    "api": [
        {"runtime"},
        {"config"},
        {"observability"},
        {"identity", "limiting"},
        {"problems"},
        {"http"},
        {"operations"},
        {"users", "auth", "sessions", "health", RESOURCE},
        {"commands"},
        {"application"},
    ],
    "storage": [
        {"errors", "column_types"},
        {"engines"},
        {"collections"},
        {"idempotency"},
        {"accounts"},
        {RESOURCE},
    ],
}
"""The rooms of a package, from the lowest up."""


def layer_of(module: str) -> int:
    package, _, rest = module.partition(".")
    layers, room = LAYERS[package], rest.partition(".")[0]
    of_resources = next(n for n, rooms in enumerate(layers) if RESOURCE in rooms)
    if not room:
        return len(layers)
    return next((n for n, rooms in enumerate(layers) if room in rooms), of_resources)


@pytest.mark.parametrize("package", LAYERS)
def test_no_module_imports_from_a_layer_above(package: str) -> None:
    """Late imports included; rooms of one layer may import each other one way."""
    arrows: set[tuple[str, str]] = set()
    for path in sorted((ROOT / package).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for target in modules_imported_by(path):
            if not target.startswith(f"{package}."):
                continue
            assert layer_of(target) <= layer_of(module), f"{module} imports {target}"
            arrows.add((room_of(module), room_of(target)))
    assert not {(one, other) for one, other in arrows if one != other and (other, one) in arrows}
    assert arrows


def room_of(module: str) -> str:
    return ".".join(module.split(".")[:2])


def modules_imported_by(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                below = ROOT / (node.module or "").replace(".", "/") / f"{alias.name}.py"
                yield f"{node.module}.{alias.name}" if below.exists() else str(node.module)


@pytest.mark.parametrize(("engine", "unneeded"), [("sqlite", {"asyncpg"}), ("postgresql", set())])
def test_a_usual_start_imports_only_what_it_needs(engine: str, unneeded: set[str]) -> None:
    """Without Redis, an outside identity provider or a migration to do."""
    code = f"import sys, api.application, storage.engines.{engine}; print(*sys.modules)"
    words = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split()
    unneeded = unneeded | {"alembic", "cryptography", "jwt", "redis", "sqlalchemy.orm"}
    assert not unneeded & set(words)


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_names_say_what_is_inside(path: Path) -> None:
    assert path.stem not in {"utils", "helpers", "common", "manager", "misc"}


def test_the_environment_is_read_in_one_place() -> None:
    readers = {name_of(path) for path in SOURCES if "os.environ" in path.read_text()}
    assert readers == {"api/config/environment.py"}


def view_of(app: Flask, endpoint: str) -> object:
    """Return the view function as written in the source."""
    view = app.view_functions[endpoint]
    operation = getattr(view, "operation", None)
    return view if operation is None else operation.view


@pytest.mark.no_database
def test_every_view_is_a_coroutine_function(app: AsyncFlask) -> None:
    endpoints = [rule.endpoint for rule in app.url_map.iter_rules()]
    assert len(endpoints) >= 14
    for endpoint in endpoints:
        assert inspect.iscoroutinefunction(view_of(app, endpoint)), endpoint
