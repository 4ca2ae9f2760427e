"""Each index that a list goes along has a second one behind the owner.

It has only items that have one: what nobody owns costs it nothing. The full-text indexes have the
owner among their terms.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

OWNED = sa.text("owner_id IS NOT NULL")
OWNERS_OF_TAGS = """
UPDATE item_tags SET owner_id = items.owner_id FROM items
  WHERE items.id = item_tags.item_id AND items.owner_id IS NOT NULL
"""
INDEXES = (
    ("items", ["owner_id", "created_at", "id"]),
    ("items", ["owner_id", "updated_at", "id"]),
    ("items", ["owner_id", "name", "id"]),
    ("items", ["owner_id", "status", "created_at", "id"]),
    ("item_tags", ["owner_id", "tag", "created_at", "item_id"]),
)

SQLITE_TRIGGERS = ("tags_insert", "tags_update", "words_insert", "words_delete", "words_update")
# The owner's term begins with what no word has. Only the index has it, and the view, from which the
# index could be made anew.
SQLITE_TERMS = """
CREATE VIEW items_terms AS
  SELECT seq, name_words, description_words, '@' || owner_id AS owner FROM items
"""
SQLITE_TABLES = """
CREATE VIRTUAL TABLE items_words USING fts5({columns}, content='{content}', content_rowid='seq',
  tokenize="{tokenizer}", detail=none, prefix='1 2 3 4');

INSERT INTO items_words (items_words) VALUES ('rebuild');

CREATE TRIGGER items_words_insert AFTER INSERT ON items BEGIN
  INSERT INTO items_words (rowid, {columns}) VALUES (new.seq, {new});
END;

CREATE TRIGGER items_words_delete AFTER DELETE ON items BEGIN
  INSERT INTO items_words (items_words, rowid, {columns}) VALUES ('delete', old.seq, {old});
END;

CREATE TRIGGER items_words_update AFTER UPDATE OF name_words, description_words{owner} ON items
  WHEN new.name_words <> old.name_words OR new.description_words <> old.description_words
    {changed} BEGIN
  INSERT INTO items_words (items_words, rowid, {columns}) VALUES ('delete', old.seq, {old});
  INSERT INTO items_words (rowid, {columns}) VALUES (new.seq, {new});
END;

CREATE TRIGGER items_tags_insert AFTER INSERT ON items BEGIN
  INSERT INTO item_tags SELECT value, new.created_at, new.id{new_owner} FROM json_each(new.tags);
END;

CREATE TRIGGER items_tags_update AFTER UPDATE OF tags{owner} ON items
  WHEN new.tags <> old.tags {changed} BEGIN
  DELETE FROM item_tags WHERE tag IN (SELECT value FROM json_each(old.tags))
    AND created_at = old.created_at AND item_id = old.id;
  INSERT INTO item_tags SELECT value, new.created_at, new.id{new_owner} FROM json_each(new.tags);
END;
"""
SQLITE_BEFORE = {
    "columns": "name_words, description_words",
    "new": "new.name_words, new.description_words",
    "old": "old.name_words, old.description_words",
    "content": "items",
    "tokenizer": "ascii",
    "owner": "",
    "new_owner": "",
    "changed": "",
}
SQLITE_AFTER = {
    "columns": "name_words, description_words, owner",
    "new": "new.name_words, new.description_words, '@' || new.owner_id",
    "old": "old.name_words, old.description_words, '@' || old.owner_id",
    "content": "items_terms",
    "tokenizer": "ascii tokenchars '@'",
    "owner": ", owner_id",
    "new_owner": ", new.owner_id",
    "changed": "OR new.owner_id IS NOT old.owner_id",
}

POSTGRESQL_TABLES = """
CREATE OR REPLACE FUNCTION items_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM item_tags WHERE tag = ANY (ARRAY(SELECT json_array_elements_text(OLD.tags)))
      AND created_at = OLD.created_at AND item_id = OLD.id;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO item_tags
      SELECT tag, NEW.created_at, NEW.id{new_owner} FROM json_array_elements_text(NEW.tags) AS tag;
  END IF;
  RETURN NULL;
END $$;

DROP TRIGGER items_tags_update ON items;

CREATE TRIGGER items_tags_update AFTER UPDATE OF tags{owner} ON items
  FOR EACH ROW WHEN (OLD.tags::text <> NEW.tags::text {changed}) EXECUTE FUNCTION items_tags();

DROP INDEX ix_items_words;

CREATE INDEX ix_items_words ON items USING gin ((name_words || description_words){owners})
  WITH (fastupdate = off);
"""
POSTGRESQL_BEFORE = {"owner": "", "new_owner": "", "changed": "", "owners": ""}
POSTGRESQL_AFTER = {
    "owner": ", owner_id",
    "new_owner": ", NEW.owner_id",
    "changed": "OR OLD.owner_id IS DISTINCT FROM NEW.owner_id",
    # B-trees' own kinds need an extension in a GIN index; arrays of them don't.
    "owners": ", (ARRAY[owner_id])",
}


def upgrade() -> None:
    dialect = op.get_bind().dialect.name
    op.add_column("item_tags", sa.Column("owner_id", sa.Uuid(), nullable=True))
    op.execute(OWNERS_OF_TAGS)
    for table, columns in INDEXES:
        name = op.f(f"ix_{table}_{'_'.join(columns)}")
        op.create_index(name, table, columns, sqlite_where=OWNED, postgresql_where=OWNED)
    if dialect == "sqlite":
        _drop_sqlite_tables()
        op.execute(SQLITE_TERMS)
        _execute(SQLITE_TABLES.format(**SQLITE_AFTER))
    else:
        _execute(POSTGRESQL_TABLES.format(**POSTGRESQL_AFTER))


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _drop_sqlite_tables()
        op.execute("DROP VIEW items_terms")
        _execute(SQLITE_TABLES.format(**SQLITE_BEFORE))
    else:
        _execute(POSTGRESQL_TABLES.format(**POSTGRESQL_BEFORE))
    for table, columns in INDEXES:
        op.drop_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table)
    op.drop_column("item_tags", "owner_id")


def _drop_sqlite_tables() -> None:
    for name in SQLITE_TRIGGERS:
        op.execute(f"DROP TRIGGER items_{name}")
    op.execute("DROP TABLE items_words")


def _execute(script: str) -> None:
    """Each statement of `script`; a blank line parts them, as a body has semicolons of its own."""
    for statement in script.strip().split("\n\n"):
        op.get_bind().exec_driver_sql(statement)
