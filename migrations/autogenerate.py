"""What a written migration has besides Alembic's own: our column types, full text, entries and
rules."""

from collections.abc import Iterator
from typing import Any, Literal, cast

from alembic.autogenerate import renderers
from alembic.autogenerate.api import AutogenContext
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import CheckConstraint, Connection

from storage.collections.ddl import rules_in
from storage.collections.tables import rule_constraints
from storage.column_types import FixedPoint, UtcDateTime, Words, is_described, metadata


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
        context.imports.add("from storage.column_types import Words")
        return "Words()"
    variant = obj._variant_mapping.get("postgresql")
    if getattr(variant, "collation", None) == "C":
        context.imports.add("from storage.column_types import by_code_point")
        return f"by_code_point({obj.length})"
    return False


def add_collections(
    context: MigrationContext, _revision: Any, scripts: list[ops.MigrationScript]
) -> None:
    """Add the full-text indexes and the entries of the tables that the migration creates, and the
    rules that it creates or drops."""
    connection = cast(Connection, context.connection)  # this is no offline mode
    for script in scripts:
        upgrade, downgrade = script.upgrade_ops, script.downgrade_ops
        if upgrade is None or downgrade is None:
            continue
        created = [op for op in upgrade.ops if isinstance(op, ops.CreateTableOp)]
        for op in created:
            op.columns = [column for column in op.columns if not is_rule(column)]
        dropped = {op.table_name for op in upgrade.ops if isinstance(op, ops.DropTableOp)}
        names = {op.table_name for op in created}
        changes = [*_helpers(sorted(names)), *_rules(connection, names, dropped)]
        for up, down in changes:
            upgrade.ops.append(up)
            downgrade.ops.insert(0, down)


def is_rule(column: object) -> bool:
    return isinstance(column, CheckConstraint) and "rule" in column.info


def _rules(
    connection: Connection, created: set[str], dropped: set[str]
) -> Iterator[tuple[HelperOp, HelperOp]]:
    for name, table in metadata.tables.items():
        if not is_described(name, "table", {}):
            continue
        declared = {str(rule.name): str(rule.sqltext) for rule in rule_constraints(table)}
        stored = {} if name in created | dropped else rules_in(connection, name)
        for rule in stored.keys() - declared.keys():
            yield (
                HelperOp("drop_rule", name, rule),
                HelperOp("create_rule", name, rule, stored[rule]),
            )
        for rule in sorted(declared.keys() - stored.keys()):
            yield (
                HelperOp("create_rule", name, rule, declared[rule]),
                HelperOp("drop_rule", name, rule),
            )


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
