"""Connections whose statements the driver itself executes, from the second time on.

SQLAlchemy compiles a statement and knows how its values are converted. What it does around each
execution (its cache's key, a context, a cursor, the result's metadata) takes more CPU time than the
driver does. A statement that is executed a second time has been kept in order to be executed again,
so from then on it is sent as it was compiled.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, CursorResult, Engine, Executable, TextualSelect
from sqlalchemy.engine import Dialect, IteratorResult, result_tuple
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.sql.compiler import SQLCompiler

Convert = Callable[[Any], Any] | None
Values = dict[str, Any]
Form = tuple[str, ...]

MAX_FORMS = 100
"""The forms of one statement that are kept, of 6 KB each: clients choose what an update sets."""


class Returned(IteratorResult[Any]):
    """The rows that a statement returns; `rowcount`: how many it returns or changes."""

    def __init__(self, columns: SimpleResultMetaData, rows: Iterable[Any], rowcount: int) -> None:
        super().__init__(columns, iter(rows))
        self.rowcount = rowcount


class ResultColumn(NamedTuple):
    """A column of a statement's rows; `type_code`: what the driver says of its type."""

    name: str
    type_code: Any


class DirectStatement:
    """A compiled statement, with the conversions of its values and of its rows."""

    def __init__(self, compiled: SQLCompiler, columns: Sequence[ResultColumn]) -> None:
        self.sql = compiled.string
        self.returns_rows = bool(columns)
        self.required = {name for name, bind in compiled.binds.items() if bind.required}
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


class Forms:
    """The forms of one statement: see _form. `columns`: those of its rows, of each form that
    SQLAlchemy has executed; `direct`: the forms to execute; None if SQLAlchemy must."""

    def __init__(self) -> None:
        self.columns: dict[Form, list[ResultColumn]] = {}
        self.direct: dict[Form, DirectStatement | None] = {}


class Statements:
    """Those of one dialect that have been executed, as long as something else keeps them."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._known: WeakKeyDictionary[Executable, Forms] = WeakKeyDictionary()

    def find(self, statement: Executable, values: Values) -> DirectStatement | None:
        """None the first time, and if SQLAlchemy must execute it: to raise an error, too."""
        forms = self._known.get(statement)
        if forms is None:
            return None
        form = _form(statement, values)
        if form in forms.direct:
            direct = forms.direct[form]
        elif form in forms.columns:
            direct = forms.direct[form] = self._compiled(statement, form, forms.columns[form])
        else:
            return None
        return direct if direct and direct.required <= values.keys() else None

    def learn(self, statement: Executable, values: Values, result: CursorResult[Any]) -> None:
        """Remember the columns of the rows that SQLAlchemy has got, the first time."""
        if not (statement.is_select or statement.is_dml):
            return
        forms, form = self._known.setdefault(statement, Forms()), _form(statement, values)
        if form in forms.columns or len(forms.columns) >= MAX_FORMS:
            return
        described = result.cursor.description if result.returns_rows and result.cursor else ()
        names = result.keys() if described else ()
        columns = zip(names, described, strict=True)
        forms.columns[form] = [ResultColumn(name, about[1]) for name, about in columns]

    def _compiled(
        self, statement: Any, form: Form, columns: list[ResultColumn]
    ) -> DirectStatement | None:
        compiled = statement.compile(dialect=self._dialect, column_keys=list(form))
        needs_sqlalchemy = (
            compiled.post_compile_params  # lists of values, written into the SQL
            or compiled.literal_execute_params
            or compiled.escaped_bind_names
            or compiled.insert_prefetch  # defaults that Python computes
            or compiled.update_prefetch
            or any(bind.callable for bind in compiled.binds.values())
            or isinstance(statement, TextualSelect)  # its columns may be found by name
            or len(_columns_of(compiled)) != len(columns)  # some are text
            or len({name for name, _ in columns}) != len(columns)
        )
        return None if needs_sqlalchemy else DirectStatement(compiled, columns)


def _form(statement: Executable, values: Values) -> Form:
    """What the SQL depends on: an INSERT or an UPDATE sets the columns that it has values for."""
    return tuple(sorted(values)) if statement.is_dml else ()


def _columns_of(compiled: SQLCompiler) -> list[Any]:
    return list(getattr(compiled.statement, "exported_columns", ()))


class DirectConnection(Connection):
    """Executes `statements` by the driver, in no transaction of SQLAlchemy's. Where something
    listens to the execution of a cursor, as OpenTelemetry does, SQLAlchemy executes all.

    A result has its rows and `rowcount`, and nothing else that a CursorResult has. Errors are
    SQLAlchemy's, without the statement.
    """

    def __init__(self, engine: Engine, statements: Statements) -> None:
        super().__init__(engine)
        self._statements = statements

    def execute(self, statement: Executable, *args: Any, **options: Any) -> CursorResult[Any]:
        values = args[0] if args else {}
        listeners = self.dispatch.before_cursor_execute or self.dispatch.after_cursor_execute
        if options or listeners or not isinstance(values, dict):
            return super().execute(statement, *args, **options)
        direct = self._statements.find(statement, values)
        if direct is None:
            result = super().execute(statement, values)
            self._statements.learn(statement, values, result)
            return result
        return cast(CursorResult[Any], self.send(direct, direct.arguments(values)))

    def send(self, direct: DirectStatement, arguments: list[Any]) -> Returned:
        """Have the driver execute it. Raises error_of(…) for an error of the database."""
        raise NotImplementedError


def error_of(error: Exception, violations: type[Exception], *, is_lost: bool = False) -> DBAPIError:
    """Return SQLAlchemy's error for a driver's, of which those of the class `violations` are about
    integrity. `is_lost`: the connection can't be used any more."""
    kind = IntegrityError if isinstance(error, violations) else DBAPIError
    return kind(None, None, error, hide_parameters=True, connection_invalidated=is_lost)
