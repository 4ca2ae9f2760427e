"""The files that people, editors and forges look for say what the rest of the project says."""

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from configparser import ConfigParser
from dataclasses import fields
from fnmatch import fnmatch
from importlib.metadata import distribution
from pathlib import Path

import pytest
import yaml

from api.config.environment import load_settings
from api.config.settings import Settings
from api.runtime.async_flask import AsyncFlask

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yaml"
PYTHONS = [
    classifier.rpartition(" :: ")[2]
    for classifier in PROJECT["project"]["classifiers"]
    if classifier.startswith("Programming Language :: Python :: ")
]
RULES: dict[tuple[str, str], Callable[[bytes], object]] = {
    ("charset", "utf-8"): lambda data: not data.decode().startswith("\ufeff"),
    ("end_of_line", "lf"): lambda data: b"\r" not in data,
    ("insert_final_newline", "true"): lambda data: data.endswith(b"\n") or not data,
    ("trim_trailing_whitespace", "true"): lambda data: (
        not re.search(rb"[ \t]$", data, re.MULTILINE)
    ),
    ("indent_style", "space"): lambda data: not re.search(rb"^ *\t", data, re.MULTILINE),
    ("indent_style", "tab"): lambda data: not re.search(rb"^ ", data, re.MULTILINE),
}
"""What .editorconfig can ask of a file's bytes."""
BREAKING = {
    ("charset", "utf-8"): "\ufeffa\n".encode(),
    ("end_of_line", "lf"): b"a\r\n",
    ("insert_final_newline", "true"): b"a",
    ("trim_trailing_whitespace", "true"): b"a \nb\n",
    ("indent_style", "space"): b"a:\n\tb\n",
    ("indent_style", "tab"): b"a:\n    b\n",
}


@pytest.fixture(scope="module")
def editorconfig() -> ConfigParser:
    parser = ConfigParser()
    parser.read_string("[top]\n" + (ROOT / ".editorconfig").read_text())
    return parser


def properties_of(path: str, editorconfig: ConfigParser) -> dict[str, str]:
    """The properties that .editorconfig gives the file; a later section goes before."""
    found: dict[str, str] = {}
    for pattern in editorconfig.sections()[1:]:
        if fnmatch(path, pattern) or fnmatch(path.rpartition("/")[2], pattern):
            found |= dict(editorconfig[pattern])
    return found


def tracked_texts() -> Iterator[str]:
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.check_output(git, cwd=ROOT, text=True)
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file() and not name.endswith(".png"):
            yield name


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
def test_every_file_is_as_editorconfig_says(editorconfig: ConfigParser) -> None:
    looked_at = set()
    for name in tracked_texts():
        data = (ROOT / name).read_bytes()
        for rule in properties_of(name, editorconfig).items() & RULES.keys():
            assert RULES[rule](data), (name, rule)
            looked_at.add(rule)
    assert looked_at == RULES.keys()


@pytest.mark.parametrize("rule", RULES, ids="=".join)
def test_a_file_that_breaks_a_rule_is_found(rule: tuple[str, str]) -> None:
    assert not RULES[rule](BREAKING[rule])


def test_editorconfig_agrees_with_the_formatters(editorconfig: ConfigParser) -> None:
    ruff = PROJECT["tool"]["ruff"]
    said = {name: dict(editorconfig[name]) for name in editorconfig.sections()}
    assert said.pop("top") == {"root": "true"}
    # Without a setting, the indentation is the formatter's default.
    assert said.pop("*.py") == {
        "indent_size": str(ruff.get("indent-width", 4)),
        "max_line_length": str(ruff["line-length"]),
    }
    for path in ROOT.glob("examples/*/biome.json"):
        biome = json.loads(path.read_text())["formatter"]
        assert said.pop(f"examples/{path.parent.name}/**") == {
            "indent_size": str(biome.get("indentWidth", 2)),
            "max_line_length": str(biome["lineWidth"]),
        }
    # Nothing else is in the file but what the test above looks at.
    assert {rule for section in said.values() for rule in section.items()} == RULES.keys()


def test_the_licence_is_the_one_that_is_declared() -> None:
    project = PROJECT["project"]
    assert project["license-files"] == ["LICENSE"]
    title, rights, terms = (ROOT / "LICENSE").read_text().split("\n\n", 2)
    assert (title, rights) == (
        f"{project['license']} License",
        "Copyright (c) 2026 The Items API authors",
    )
    # marshmallow has the same licence.
    marshmallow = distribution("marshmallow").read_text("licenses/LICENSE") or ""
    assert terms.split() == marshmallow[marshmallow.index("Permission ") :].split()
    for package in ROOT.glob("*/*/package.json"):
        assert json.loads(package.read_text())["license"] == project["license"]


def test_the_example_of_an_env_file_is_made_from_the_settings(app: AsyncFlask) -> None:
    made = app.test_cli_runner().invoke(args=["settings", "example"])
    assert made.exit_code == 0
    assert (ROOT / ".env.example").read_text() == made.stdout, (
        "run: flask --app api settings example > .env.example"
    )


def test_the_example_of_an_env_file_gives_the_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [declared.name.upper() for declared in fields(Settings)]
    for name in names:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    example = (ROOT / ".env.example").read_text()
    lines = re.sub(r"^#(?! )", "", example, flags=re.MULTILINE)
    assert re.findall(r"^([A-Z0-9_]+)=", lines, re.MULTILINE) == names
    (tmp_path / ".env").write_text(lines)
    assert load_settings() == load_settings({})


def test_no_secret_has_a_value_in_the_example() -> None:
    example = (ROOT / ".env.example").read_text()
    secrets = {about.name.upper() for about in fields(Settings) if about.metadata["secret"]}
    # Where it names a file, DATABASE_URL has no password.
    assert "\n#DATABASE_URL=sqlite:///data/api.db\n" in example
    assert set(re.findall(r"^#([A-Z0-9_]+)=$", example, re.MULTILINE)) >= secrets - {"DATABASE_URL"}


def test_each_commit_can_be_checked_as_make_check_does() -> None:
    [repository] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    [hook] = repository["hooks"]
    assert repository["repo"] == "local"
    assert (hook["entry"], hook["language"]) == ("make check", "system")
    assert (hook["always_run"], hook["pass_filenames"]) == (True, False)


def test_the_workflow_is_one() -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema"]
    for schema in ("vendor.github-workflows", "custom.github-workflows-require-timeout"):
        subprocess.run([*command, schema, str(WORKFLOW)], check=True)


def test_the_workflow_runs_what_every_change_must_pass() -> None:
    workflow = yaml.safe_load(WORKFLOW.read_text())
    [job] = workflow["jobs"].values()
    assert workflow["permissions"] == {"contents": "read"}
    assert job["strategy"]["matrix"] == {"python": [PYTHONS[0], PYTHONS[-1]]}
    assert "${{ matrix.python }}" in job["container"]["image"]
    checkout, run = job["steps"]
    assert re.fullmatch(r"actions/checkout@v[\d.]+", checkout["uses"])
    assert run == {"run": "bash .ci/run"}


def test_the_supported_pythons_are_the_same_everywhere() -> None:
    oldest = PYTHONS[0]
    assert PROJECT["project"]["requires-python"] == f">={oldest}"
    assert PROJECT["tool"]["ruff"]["target-version"] == f"py{oldest.replace('.', '')}"
    dockerfile = (ROOT / "Dockerfile").read_text()
    images = re.findall(r"^ARG PYTHON_IMAGE=python:([\d.]+)-", dockerfile, re.MULTILINE)
    assert set(images) <= set(PYTHONS)
    assert images


def test_the_template_of_a_pull_request_asks_what_contributing_says() -> None:
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    asked = [
        re.sub(r"\[(.+?)\]\(.+?\)", r"\1", " ".join(item.split()))
        for item in re.findall(r"^- (.+(?:\n  .+)*)", contributing, re.MULTILINE)
    ]
    template = (ROOT / ".github" / "pull_request_template.md").read_text()
    assert re.findall(r"^- \[ \] (.+)", template, re.MULTILINE) == asked
    assert asked
