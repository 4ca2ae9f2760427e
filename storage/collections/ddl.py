"""What migrations make for a collection besides tables and indexes: full text, entries and rules.

Triggers keep the first two up to date, without another round trip for a write.

Released migrations call these functions, so a released function must go on making the same objects.
To change its SQL, add a function beside it, and a migration that drops with the old one and creates
with the new one.
"""

import re
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, event, inspect

from storage.collections.full_text import index_name, words_column

# The tokenizer "ascii" parts the words at the blanks between them and leaves them as they are: they
# have no capitals, and what isn't ASCII is part of a word to it. The owner's term begins with what
# no word has. Only the index has it, and the view, from which the index could be made anew.
SQLITE_FULL_TEXT = """
CREATE VIEW {table}_terms AS SELECT seq, {words}, '@' || owner_id AS owner FROM "{table}";

CREATE VIRTUAL TABLE {index} USING fts5({words}, owner, content='{table}_terms',
  content_rowid='seq', tokenize="ascii tokenchars '@'", detail=none, prefix='1 2 3 4');

INSERT INTO {index} ({index}) VALUES ('rebuild');

CREATE TRIGGER {index}_insert AFTER INSERT ON "{table}" BEGIN
  INSERT INTO {index} (rowid, {words}, owner) VALUES (new.seq, {new}, '@' || new.owner_id);
END;

CREATE TRIGGER {index}_delete AFTER DELETE ON "{table}" BEGIN
  INSERT INTO {index} ({index}, rowid, {words}, owner)
    VALUES ('delete', old.seq, {old}, '@' || old.owner_id);
END;

CREATE TRIGGER {index}_update AFTER UPDATE OF {words}, owner_id ON "{table}"
  WHEN {changed} OR new.owner_id IS NOT old.owner_id BEGIN
  INSERT INTO {index} ({index}, rowid, {words}, owner)
    VALUES ('delete', old.seq, {old}, '@' || old.owner_id);
  INSERT INTO {index} (rowid, {words}, owner) VALUES (new.seq, {new}, '@' || new.owner_id);
END;
"""
# fastupdate would put new entries on a list that each search reads from end to end, and that makes
# the planner scan the table instead. B-trees' own kinds need an extension in a GIN index; arrays of
# them don't.
POSTGRESQL_FULL_TEXT = """
CREATE INDEX {index} ON "{table}" USING gin (({concatenated}), (ARRAY[owner_id]))
  WITH (fastupdate = off)
"""

# A list may have a value twice.
SQLITE_ENTRIES = """
INSERT OR IGNORE INTO {entries}
  SELECT element.value, "{table}".created_at, "{table}".id, "{table}".owner_id
  FROM "{table}", json_each("{table}"."{column}") AS element;

CREATE TRIGGER {entries}_insert AFTER INSERT ON "{table}" BEGIN
  INSERT OR IGNORE INTO {entries}
    SELECT value, new.created_at, new.id, new.owner_id FROM json_each(new."{column}");
END;

CREATE TRIGGER {entries}_delete AFTER DELETE ON "{table}" BEGIN
  DELETE FROM {entries} WHERE value IN (SELECT value FROM json_each(old."{column}"))
    AND created_at = old.created_at AND row_id = old.id;
END;

CREATE TRIGGER {entries}_update AFTER UPDATE OF "{column}", owner_id ON "{table}"
  WHEN new."{column}" <> old."{column}" OR new.owner_id IS NOT old.owner_id BEGIN
  DELETE FROM {entries} WHERE value IN (SELECT value FROM json_each(old."{column}"))
    AND created_at = old.created_at AND row_id = old.id;
  INSERT OR IGNORE INTO {entries}
    SELECT value, new.created_at, new.id, new.owner_id FROM json_each(new."{column}");
END;
"""
POSTGRESQL_ENTRIES = """
INSERT INTO {entries}
  SELECT element, "{table}".created_at, "{table}".id, "{table}".owner_id
  FROM "{table}", json_array_elements_text("{table}"."{column}") AS element
  ON CONFLICT DO NOTHING;

CREATE FUNCTION {entries}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM {entries}
      WHERE value = ANY (ARRAY(SELECT json_array_elements_text(OLD."{column}")))
      AND created_at = OLD.created_at AND row_id = OLD.id;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO {entries}
      SELECT element, NEW.created_at, NEW.id, NEW.owner_id
      FROM json_array_elements_text(NEW."{column}") AS element
      ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER {entries} AFTER INSERT OR DELETE ON "{table}"
  FOR EACH ROW EXECUTE FUNCTION {entries}();

CREATE TRIGGER {entries}_update AFTER UPDATE OF "{column}", owner_id ON "{table}" FOR EACH ROW
  WHEN (OLD."{column}"::text <> NEW."{column}"::text OR OLD.owner_id IS DISTINCT FROM NEW.owner_id)
  EXECUTE FUNCTION {entries}();
"""
# SQLite can't add a constraint to a table; to rebuild the table would lose its triggers.
SQLITE_RULE = """
CREATE TRIGGER {name}_{when} BEFORE {event} ON "{table}"
  WHEN NOT (SELECT {condition} FROM (SELECT {new})) BEGIN
  SELECT RAISE(ABORT, 'CHECK constraint failed: {name}');
END;
"""
CONDITION = re.compile(r"WHEN NOT \(SELECT (.*) FROM \(SELECT new\.", re.DOTALL)
RULE = r"ck_{table}_\w+_[0-9a-f]{{8}}"
"""How the names of rules look (storage.collections.tables.rule)."""
REBUILD_BEGINS = re.compile(r'\s*CREATE TABLE "?_alembic_tmp_(\w+)')
REBUILD_ENDS = re.compile(r'ALTER TABLE "?_alembic_tmp_(\w+)"? RENAME')


def keep_triggers(connection: Connection) -> None:
    """From now on, keep the triggers of a table that a migration rebuilds. On SQLite, Alembic does
    so to change or drop a column: it drops the table after it has copied the rows."""
    kept: dict[str, list[str]] = {}

    @event.listens_for(connection, "before_cursor_execute")
    def before(_: Connection, cursor: Any, statement: str, *__: Any) -> None:
        if begins := REBUILD_BEGINS.match(statement):
            triggers = "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?"
            kept[begins[1]] = [sql for (sql,) in cursor.execute(triggers, begins.groups())]
            # Otherwise the view of the full text prevents the renaming, as it lacks its table.
            cursor.execute("PRAGMA legacy_alter_table = ON")

    @event.listens_for(connection, "after_cursor_execute")
    def after(_: Connection, cursor: Any, statement: str, *__: Any) -> None:
        if ends := REBUILD_ENDS.match(statement):
            for sql in kept.pop(ends[1]):
                cursor.execute(sql)
            cursor.execute("PRAGMA legacy_alter_table = OFF")


def create_full_text(connection: Connection, table: str, texts: Sequence[str]) -> None:
    """Index the words of `texts`, which are in columns of the table beside them."""
    words = [words_column(text) for text in texts]
    script = SQLITE_FULL_TEXT if connection.dialect.name == "sqlite" else POSTGRESQL_FULL_TEXT
    run(
        connection,
        script.format(
            table=table,
            index=index_name(table),
            words=", ".join(words),
            new=", ".join(f"new.{name}" for name in words),
            old=", ".join(f"old.{name}" for name in words),
            changed=" OR ".join(f"new.{name} <> old.{name}" for name in words),
            concatenated=" || ".join(words),
        ),
    )


def drop_full_text(connection: Connection, table: str) -> None:
    index = index_name(table)
    if connection.dialect.name == "sqlite":
        for when in ("insert", "delete", "update"):
            run(connection, f"DROP TRIGGER {index}_{when}")
        run(connection, f"DROP TABLE {index};\n\nDROP VIEW {table}_terms")
    else:
        run(connection, f"DROP INDEX {index}")


def create_entries(connection: Connection, table: str, column: str) -> None:
    """Fill the table of entries, which is there already, and keep it up to date."""
    script = SQLITE_ENTRIES if connection.dialect.name == "sqlite" else POSTGRESQL_ENTRIES
    run(connection, script.format(table=table, column=column, entries=f"{table}_{column}"))


def drop_entries(connection: Connection, table: str, column: str) -> None:
    """Stop keeping it up to date; before the table of entries is dropped."""
    entries = f"{table}_{column}"
    if connection.dialect.name == "sqlite":
        for when in ("insert", "delete", "update"):
            run(connection, f"DROP TRIGGER {entries}_{when}")
    else:
        for name in (entries, f"{entries}_update"):
            run(connection, f'DROP TRIGGER {name} ON "{table}"')
        run(connection, f"DROP FUNCTION {entries}")


def create_rule(connection: Connection, table: str, name: str, condition: str) -> None:
    """Refuse writes that leave a row for which `condition` is false. Raises IntegrityError, and
    makes nothing, if the table has such a row."""
    if connection.dialect.name != "sqlite":
        run(connection, f'ALTER TABLE "{table}" ADD CONSTRAINT {name} CHECK ({condition})')
        return
    columns = [column["name"] for column in inspect(connection).get_columns(table)]
    new = ", ".join(f'new."{column}" AS "{column}"' for column in columns if column in condition)
    parts = {"table": table, "name": name, "condition": condition, "new": new}
    for when in ("insert", "update"):
        run(connection, SQLITE_RULE.format(**parts, when=when, event=when.upper()))
    # The triggers look at each row that is there.
    first = next(column for column in columns if column in condition)
    touched = f'UPDATE "{table}" SET "{first}" = "{first}" WHERE NOT ({condition})'  # noqa: S608  # as declared
    run(connection, touched)


def drop_rule(connection: Connection, table: str, name: str) -> None:
    if connection.dialect.name == "sqlite":
        for when in ("insert", "update"):
            run(connection, f"DROP TRIGGER {name}_{when}")
    else:
        run(connection, f'ALTER TABLE "{table}" DROP CONSTRAINT {name}')


def rules_in(connection: Connection, table: str) -> dict[str, str]:
    """The conditions of the rules that the database has for a table, by their names."""
    found = {}
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", (table,)
        )
        for trigger, script in rows:
            condition = CONDITION.search(script)
            if condition is not None:
                found[trigger.removesuffix("_insert")] = condition[1]
    else:
        for check in inspect(connection).get_check_constraints(table):
            found[str(check["name"])] = check["sqltext"]
    pattern = re.compile(RULE.format(table=table))
    return {name: text for name, text in found.items() if pattern.fullmatch(name)}


def run(connection: Connection, script: str) -> None:
    """Each statement of `script`; a blank line parts them, as a body has semicolons of its own."""
    for statement in script.strip().split("\n\n"):
        connection.exec_driver_sql(statement)
