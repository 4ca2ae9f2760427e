"""What lists of items are made from: indexes, the tags' table, the words and their index.

Triggers keep item_tags, and SQLite's full-text index, as items say. So no write costs another
round trip, and none can forget it.
"""

import sqlalchemy as sa
from alembic import op

from storage.collections.full_text import Words
from storage.collections.words import words_of
from storage.column_types import by_code_point

revision = "0002"
down_revision = "0001"

# fastupdate would put new entries on a list that each search reads from end to end, and that makes
# the planner scan the table instead.
POSTGRESQL_WORDS = """
CREATE INDEX ix_items_words ON items USING gin ((name_words || description_words))
  WITH (fastupdate = off)
"""

INDEXES = (["updated_at", "id"], ["name", "id"], ["status", "created_at", "id"])
BATCH = 1000

TAGS_OF_ALL = """
INSERT INTO item_tags SELECT value, items.created_at, items.id FROM items, {}(items.tags) AS value
"""

SQLITE_TAGS = """
CREATE TRIGGER items_tags_insert AFTER INSERT ON items BEGIN
  INSERT INTO item_tags SELECT value, new.created_at, new.id FROM json_each(new.tags);
END;

CREATE TRIGGER items_tags_delete AFTER DELETE ON items BEGIN
  DELETE FROM item_tags WHERE tag IN (SELECT value FROM json_each(old.tags))
    AND created_at = old.created_at AND item_id = old.id;
END;

CREATE TRIGGER items_tags_update AFTER UPDATE OF tags ON items WHEN new.tags <> old.tags BEGIN
  DELETE FROM item_tags WHERE tag IN (SELECT value FROM json_each(old.tags))
    AND created_at = old.created_at AND item_id = old.id;
  INSERT INTO item_tags SELECT value, new.created_at, new.id FROM json_each(new.tags);
END;
"""
# The tokenizer "ascii" parts the words at the blanks between them and leaves them as they are:
# they have no capitals, and what isn't ASCII is part of a word to it.
SQLITE_WORDS = """
CREATE VIRTUAL TABLE items_words USING fts5(name_words, description_words, content='items',
  content_rowid='seq', tokenize='ascii', detail=none, prefix='1 2 3 4');

INSERT INTO items_words (items_words) VALUES ('rebuild');

CREATE TRIGGER items_words_insert AFTER INSERT ON items BEGIN
  INSERT INTO items_words (rowid, name_words, description_words)
    VALUES (new.seq, new.name_words, new.description_words);
END;

CREATE TRIGGER items_words_delete AFTER DELETE ON items BEGIN
  INSERT INTO items_words (items_words, rowid, name_words, description_words)
    VALUES ('delete', old.seq, old.name_words, old.description_words);
END;

CREATE TRIGGER items_words_update AFTER UPDATE OF name_words, description_words ON items
  WHEN new.name_words <> old.name_words OR new.description_words <> old.description_words BEGIN
  INSERT INTO items_words (items_words, rowid, name_words, description_words)
    VALUES ('delete', old.seq, old.name_words, old.description_words);
  INSERT INTO items_words (rowid, name_words, description_words)
    VALUES (new.seq, new.name_words, new.description_words);
END;
"""
# The index knows the items by `seq` alone, so `seq` has to have the order of creation.
SQLITE_NUMBERS = """
CREATE TEMP TABLE numbers AS
  SELECT seq AS old, row_number() OVER (ORDER BY created_at, id) AS new FROM items;

CREATE UNIQUE INDEX temp.numbers_old ON numbers (old);

UPDATE items SET seq = -(SELECT new FROM numbers WHERE old = seq);

UPDATE items SET seq = -seq;

DROP TABLE numbers;
"""
POSTGRESQL_TAGS = """
CREATE FUNCTION items_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM item_tags WHERE tag = ANY (ARRAY(SELECT json_array_elements_text(OLD.tags)))
      AND created_at = OLD.created_at AND item_id = OLD.id;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO item_tags
      SELECT tag, NEW.created_at, NEW.id FROM json_array_elements_text(NEW.tags) AS tag;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER items_tags AFTER INSERT OR DELETE ON items
  FOR EACH ROW EXECUTE FUNCTION items_tags();

CREATE TRIGGER items_tags_update AFTER UPDATE OF tags ON items
  FOR EACH ROW WHEN (OLD.tags::text <> NEW.tags::text) EXECUTE FUNCTION items_tags();
"""


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    if dialect == "sqlite":
        _execute(SQLITE_NUMBERS)
    else:
        op.alter_column("items", "name", type_=by_code_point(200))
    for name in ("name_words", "description_words"):
        op.add_column(
            "items", sa.Column(name, Words(), nullable=False, server_default=sa.text("''"))
        )
    for columns in INDEXES:
        op.create_index(op.f(f"ix_items_{'_'.join(columns)}"), "items", columns)
    op.create_table(
        "item_tags",
        sa.Column("tag", by_code_point(50), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tag", "created_at", "item_id", name=op.f("pk_item_tags")),
        sqlite_with_rowid=False,
    )
    _derive_words()
    if dialect == "sqlite":
        op.execute(TAGS_OF_ALL.format("json_each"))
        _execute(SQLITE_TAGS)
        _execute(SQLITE_WORDS)
    else:
        op.execute(TAGS_OF_ALL.format("json_array_elements_text"))
        _execute(POSTGRESQL_TAGS)
        op.execute(POSTGRESQL_WORDS)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for of in ("words", "tags"):
            for when in ("insert", "delete", "update"):
                op.execute(f"DROP TRIGGER items_{of}_{when}")
        op.execute("DROP TABLE items_words")
    else:
        op.execute("DROP INDEX ix_items_words")
        op.execute("DROP TRIGGER items_tags ON items")
        op.execute("DROP TRIGGER items_tags_update ON items")
        op.execute("DROP FUNCTION items_tags")
        op.alter_column("items", "name", type_=sa.String(200))
    op.drop_table("item_tags")
    for columns in INDEXES:
        op.drop_index(op.f(f"ix_items_{'_'.join(columns)}"), "items")
    for name in ("name_words", "description_words"):
        op.drop_column("items", name)


def _derive_words() -> None:
    """The words of the items that are there; a search finds nothing else."""
    connection = op.get_bind()
    items = sa.table(
        "items",
        sa.column("seq", sa.Integer),
        sa.column("name", sa.String),
        sa.column("description", sa.String),
        sa.column("name_words", Words()),
        sa.column("description_words", Words()),
    )
    page = (
        sa.select(items.c.seq, items.c.name, items.c.description)
        .where(items.c.seq > sa.bindparam("last"))
        .order_by(items.c.seq)
        .limit(BATCH)
    )
    change = items.update().where(items.c.seq == sa.bindparam("of"))
    last = -1
    while rows := connection.execute(page, {"last": last}).all():
        last = rows[-1].seq
        words = [
            {
                "of": row.seq,
                "name_words": words_of(row.name),
                "description_words": words_of(row.description),
            }
            for row in rows
        ]
        connection.execute(
            change.values(
                name_words=sa.bindparam("name_words", type_=Words()),
                description_words=sa.bindparam("description_words", type_=Words()),
            ),
            words,
        )


def _execute(script: str) -> None:
    """Each statement of `script`; a blank line parts them, as a body has semicolons of its own."""
    for statement in script.strip().split("\n\n"):
        op.get_bind().exec_driver_sql(statement)
