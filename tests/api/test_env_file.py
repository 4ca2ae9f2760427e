"""The .env file: what can't be right stops the start with one line."""

from pathlib import Path

import pytest

from api.config.declaration import SettingsError
from api.config.environment import load_settings
from tests.factory import SECRET_KEY
from tests.processes import run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("PORT", "LOG_LEVEL", "CONTACT", "AUTH_REQUIRED", "SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


READ = "can't be read: NAME=value is expected, and a quote that is opened must be closed"
BREAK = "the value has a line break or a control character; is a closing quote missing?"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("PORT=1\n\nAUTH_REQUIRED: true\n", f"line 3: {READ}"),
        ("AUTH_REQUIRED", f"line 1: {READ}"),
        ("AUTH_REQUIRED true", f"line 1: {READ}"),
        ("=true", f"line 1: {READ}"),
        ('\n# a comment\nSECRET_KEY="hidden\nPORT=8001\n', f"line 3: {READ}"),
        ("SECRET_KEY='hidden", f"line 1: {READ}"),
        ('SECRET_KEY="hidden"x\n', f"line 1: {READ}"),
        ('SECRET_KEY="hidden\nCONTACT="\n', f"line 1: {BREAK}"),
        ("SECRET_KEY=hid\x1bden", f"line 1: {BREAK}"),
        ("SECRET_KEY=hidden'\n", "line 1: the value ends with a quote that wasn't opened"),
        (
            "PORT=1\r\nAUTH_REQUIERD=true\r\n",
            "line 2: AUTH_REQUIERD is not a setting: did you mean AUTH_REQUIRED?",
        ),
        ("auth_required=1", "line 1: auth_required is not a setting: did you mean AUTH_REQUIRED?"),
        ("DATABASE_URI=x", "line 1: DATABASE_URI is not a setting: did you mean DATABASE_URL?"),
        ("WORKERS=4", "line 1: WORKERS is not a setting: see docs/settings.md"),
        ("hiddenSecret=4", "line 1: this name is not a setting: see docs/settings.md"),
        ("PORT=1\nPORT=2", "line 2: PORT has another value than on line 1"),
    ],
)
def test_a_bad_line_stops_the_start(folder: Path, text: str, problem: str) -> None:
    (folder / ".env").write_text(text, newline="")
    with pytest.raises(SettingsError) as stop:
        load_settings()
    assert str(stop.value) == f".env, {problem}"
    assert "hid" not in str(stop.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("PORT=1\n".encode("utf-16"), " is not in UTF-8, perhaps in UTF-16: save it as UTF-8"),
        ("PORT=1\n".encode("utf-16-le"), " is not in UTF-8, perhaps in UTF-16: save it as UTF-8"),
        ("PORT=1\nCONTACT=ä@example.com".encode("latin-1"), ", line 2: not in UTF-8"),
    ],
)
def test_a_file_that_is_not_utf_8_stops_the_start(
    folder: Path, content: bytes, problem: str
) -> None:
    (folder / ".env").write_bytes(content)
    with pytest.raises(SettingsError) as stop:
        load_settings()
    assert str(stop.value) == f".env{problem}"


def test_a_folder_of_that_name_stops_the_start(folder: Path) -> None:
    (folder / ".env").mkdir()
    with pytest.raises(SettingsError, match=r"^\.env can't be read: Is a directory$"):
        load_settings()


def test_reads_what_is_right(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THEIRS", "ops")
    text = f"""\ufeff# settings
    export PORT = 9000 # as of today

    LOG_LEVEL='DEBUG'
    PORT=9000
    CONTACT="${{THEIRS}}@example.com"
    SECRET_KEY="{SECRET_KEY}"
    POSTGRES_PASSWORD=another's
    COMPOSE_PROJECT_NAME=x
    VITE_API_URL=http://localhost:8000
    """
    (folder / ".env").write_text(text)
    settings = load_settings()
    assert settings.port == 9000
    assert settings.log_level == "DEBUG"
    assert settings.contact == "ops@example.com"
    assert settings.secret_key == SECRET_KEY


def test_a_start_ends_with_the_line_alone(folder: Path) -> None:
    (folder / ".env").write_text("AUTH_REQUIRED: true\n")
    ended = run(folder, "asgi", PORT="0")
    assert ended.returncode == 1
    assert ended.stderr == f".env, line 1: {READ}\n"


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("PORT=1\n".encode("utf-16"), " is not in UTF-8, perhaps in UTF-16: save it as UTF-8"),
        (b"AUTH_REQUIRED: true\n", f", line 1: {READ}"),
    ],
)
def test_a_command_ends_with_the_line_alone(folder: Path, content: bytes, problem: str) -> None:
    """Flask's own reader would raise UnicodeDecodeError before it imports the application."""
    (folder / ".env").write_bytes(content)
    ended = run(folder, "flask", "--app", "api", "db", "current", FLASK_SKIP_DOTENV="1")
    assert (ended.returncode, ended.stderr) == (1, f".env{problem}\n")


def test_a_command_reads_the_same_file_as_the_server(folder: Path) -> None:
    """Flask's own reader would find the file of a parent folder."""
    (folder / ".env").write_text("DATABASE_URL=sqlite:///outer.db\n")
    inner = folder / "inner"
    inner.mkdir()
    ended = run(inner, "flask", "--app", "api", "db", "upgrade", FLASK_SKIP_DOTENV="1")
    assert ended.returncode == 0, ended.stderr
    assert (inner / "data" / "api.db").is_file()


def test_a_misspelled_variable_of_the_environment_is_warned_of(folder: Path) -> None:
    environ = {"AUTH_REQUIERD": "true", "PORT_RANGE": "1", "HOSTNAME": "a", "LOG_FORMAT": "json"}
    ended = run(folder, "asgi", LISTEN_FD="1000", **environ)
    warnings = [line for line in ended.stderr.splitlines() if "unknown_setting" in line]
    (warning,) = warnings
    assert '"name":"AUTH_REQUIERD"' in warning.replace(": ", ":")
    assert '"did_you_mean":"AUTH_REQUIRED"' in warning.replace(": ", ":")
