"""What a written migration has besides Alembic's own: our column types, full text and entries."""

from typing import Any, Literal

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops

from storage.collections.full_text import Words
from storage.column_types import FixedPoint, UtcDateTime, metadata


class HelperOp(ops.MigrateOperation):
    """A call of a function of storage.collections.ddl."""

    def __init__(self, function: str, *arguments: object) -> None:
        self.function, self.arguments = function, arguments


@renderers.dispatch_for(HelperOp)
def render_helper(context: AutogenContext, op: HelperOp) -> str:
    context.imports.add("from storage.collections import ddl")
    arguments = ", ".join(map(repr, op.arguments))
    return f"ddl.{op.function}(op.get_bind(), {arguments})"


def render_type(kind: str, obj: Any, context: AutogenContext) -> str | Literal[False]:
    """The type of a column as the tables have it; False leaves it to Alembic."""
    if kind != "type":
        return False
    if isinstance(obj, UtcDateTime):
        # What a later version of the type may do is no matter of this revision.
        return "sa.DateTime(timezone=True)"
    if isinstance(obj, FixedPoint):
        context.imports.add("from storage.column_types import FixedPoint")
        return f"FixedPoint({obj.digits}, {obj.places})"
    if isinstance(obj, Words):
        context.imports.add("from storage.collections.full_text import Words")
        return "Words()"
    variant = obj._variant_mapping.get("postgresql")
    if getattr(variant, "collation", None) == "C":
        context.imports.add("from storage.column_types import by_code_point")
        return f"by_code_point({obj.length})"
    return False


def add_collections(_context: Any, _revision: Any, scripts: list[ops.MigrationScript]) -> None:
    """Add the full-text indexes and the entries of the tables that the migration creates."""
    for script in scripts:
        upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
        if upgrade is None or downgrade is None:
            continue
        created = [op.table_name for op in upgrade.ops if isinstance(op, ops.CreateTableOp)]
        for made, dropped in _helpers(created):
            upgrade.ops.append(made)
            downgrade.ops.insert(0, dropped)


def _helpers(tables: list[str]) -> list[tuple[HelperOp, HelperOp]]:
    found = []
    for name in tables:
        table = metadata.tables[name]
        texts = [c.name.removesuffix("_words") for c in table.c if isinstance(c.type, Words)]
        if texts:
            made = HelperOp("create_full_text", name, texts)
            found.append((made, HelperOp("drop_full_text", name)))
        if "entries_of" in table.info:
            of = table.info["entries_of"]
            found.append((HelperOp("create_entries", *of), HelperOp("drop_entries", *of)))
    return found
