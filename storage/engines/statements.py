"""Connections whose statements the driver itself executes, from the second time on.

SQLAlchemy compiles a statement and knows how its values are converted. What it does around each
execution (its cache's key, a context, a cursor, the result's metadata) takes more CPU time than the
driver does. A statement that is executed a second time has been kept in order to be executed again,
so from then on it is sent as it was compiled.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, CursorResult, Engine, Executable
from sqlalchemy.engine import Dialect, IteratorResult, result_tuple
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.sql.compiler import SQLCompiler

Convert = Callable[[Any], Any] | None
Values = dict[str, Any]


class Returned(IteratorResult[Any]):
    """The rows that a statement returns; `rowcount`: how many it returns or changes."""

    def __init__(self, columns: SimpleResultMetaData, rows: Iterable[Any], rowcount: int) -> None:
        super().__init__(columns, iter(rows))
        self.rowcount = rowcount


class Column(NamedTuple):
    """A column of a statement's rows; `type_code`: what the driver says of its type."""

    name: str
    type_code: Any


class Prepared:
    """A compiled statement, with the conversions of its values and of its rows."""

    def __init__(self, compiled: SQLCompiler, columns: Sequence[Column]) -> None:
        self.sql = compiled.string
        self.returns_rows = bool(columns)
        dialect, defaults = compiled.dialect, compiled.params
        types = {name: bind.type.dialect_impl(dialect) for name, bind in compiled.binds.items()}
        self._parameters = [
            (name, defaults[name], types[name].bind_processor(dialect))
            for name in compiled.positiontup or ()
        ]
        names = [name for name, _ in columns]
        self._columns, self._row = SimpleResultMetaData(names), result_tuple(names)
        converts: list[Convert] = [
            column.type.dialect_impl(dialect).result_processor(dialect, type_code)
            for column, (_, type_code) in zip(_columns_of(compiled), columns, strict=True)
        ]
        self._converted = [(at, convert) for at, convert in enumerate(converts) if convert]

    def arguments(self, values: Values) -> list[Any]:
        found = []
        for name, default, convert in self._parameters:
            value = values.get(name, default)
            found.append(value if convert is None else convert(value))
        return found

    def returned(self, records: Sequence[Any], rowcount: int | None = None) -> Returned:
        rows = map(self._read if self._converted else self._row, records)
        return Returned(self._columns, rows, len(records) if rowcount is None else rowcount)

    def _read(self, record: Any) -> Any:
        values = list(record)
        for at, convert in self._converted:
            values[at] = convert(values[at])
        return self._row(values)


class Statements:
    """Those of one dialect that have been executed, as long as something else keeps them."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._known: WeakKeyDictionary[
            Executable, dict[tuple[str, ...], Prepared | list[Column] | None]
        ] = WeakKeyDictionary()

    def find(self, statement: Executable, values: Values) -> Prepared | None:
        """None the first time, and if only SQLAlchemy can execute it."""
        forms = self._known.get(statement)
        if forms is None:
            return None
        form = _form(statement, values)
        found = forms.get(form)
        if isinstance(found, list):
            found = forms[form] = self._prepared(statement, form, found)
        return found

    def learn(self, statement: Executable, values: Values, result: CursorResult[Any]) -> None:
        """Remember the columns of the rows, at the first time."""
        if not (statement.is_select or statement.is_dml):
            return
        forms = self._known.setdefault(statement, {})
        described = result.cursor.description if result.returns_rows and result.cursor else ()
        names = result.keys() if described else ()
        found = [Column(name, about[1]) for name, about in zip(names, described, strict=True)]
        forms.setdefault(_form(statement, values), found)

    def _prepared(
        self, statement: Any, form: tuple[str, ...], columns: list[Column]
    ) -> Prepared | None:
        compiled = statement.compile(dialect=self._dialect, column_keys=list(form))
        needs_sqlalchemy = (
            compiled.post_compile_params  # lists of values, written into the SQL
            or compiled.literal_execute_params
            or compiled.escaped_bind_names
            or compiled.insert_prefetch  # defaults that Python computes
            or compiled.update_prefetch
            or len(_columns_of(compiled)) != len(columns)  # some are text
        )
        return None if needs_sqlalchemy else Prepared(compiled, columns)


def _form(statement: Executable, values: Values) -> tuple[str, ...]:
    """What the SQL depends on: an INSERT or an UPDATE sets the columns that it has values for."""
    return tuple(values) if statement.is_dml else ()


def _columns_of(compiled: SQLCompiler) -> list[Any]:
    return list(getattr(compiled.statement, "exported_columns", ()))


class DirectConnection(Connection):
    """Executes `statements` by the driver, in no transaction of SQLAlchemy's; where something
    listens to SQLAlchemy's events, as OpenTelemetry does, all of them pass through SQLAlchemy.

    Errors are SQLAlchemy's, without the statement.
    """

    def __init__(self, engine: Engine, statements: Statements) -> None:
        super().__init__(engine)
        self._statements = statements

    def execute(self, statement: Executable, *args: Any, **options: Any) -> CursorResult[Any]:
        values = args[0] if args else {}
        listeners = self.dispatch.before_cursor_execute or self.dispatch.after_cursor_execute
        if options or listeners or not isinstance(values, dict):
            return super().execute(statement, *args, **options)
        prepared = self._statements.find(statement, values)
        if prepared is None:
            result = super().execute(statement, values)
            self._statements.learn(statement, values, result)
            return result
        # Its rows and its rowcount are all of a CursorResult that units of work use.
        return cast(CursorResult[Any], self.send(prepared, prepared.arguments(values)))

    def send(self, prepared: Prepared, arguments: list[Any]) -> Returned:
        """Execute it by the driver. Raises the `error_of` the driver's error."""
        raise NotImplementedError


def error_of(error: Exception, violations: type[Exception], *, is_lost: bool = False) -> DBAPIError:
    """Return SQLAlchemy's error for a driver's, of which those of the class `violations` are about
    integrity. `is_lost`: the connection can't be used any more."""
    kind = IntegrityError if isinstance(error, violations) else DBAPIError
    return kind(None, None, error, hide_parameters=True, connection_invalidated=is_lost)
