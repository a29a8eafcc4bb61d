"""Overlay files."""

import builtins
import json
import os
import sys
import tomllib
import traceback
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resourcekit.config.overlay_files import OverlayFileError, SyntaxProblem, load_overlay, parse_json

MARK = "hunter2"


@pytest.fixture
def write(tmp_path):
    def write(name, content):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


EXPECTED = {"database": {"port": 5433, "tags": ["a", "b"]}, "debug": True}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.toml", 'debug = true\n[database]\nport = 5433\ntags = ["a", "b"]\n'),
        ("a.json", json.dumps(EXPECTED)),
        ("a.yaml", "debug: true\ndatabase:\n  port: 5433\n  tags: [a, b]\n"),
        ("a.yml", json.dumps(EXPECTED)),
        ("A.TOML", 'debug = true\r\ndatabase = { port = 5433, tags = ["a", "b"] }\r\n'),
    ],
)
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
def test_the_suffix_says_the_format(write, name, content, bom):
    """TOML, JSON and YAML give the same table, with or without a byte order mark."""
    assert load_overlay(write(name, bom + content.encode())) == EXPECTED


def test_a_path_may_be_text(write):
    """The path may be a str as well as a Path."""
    assert load_overlay(str(write("a.json", "{}"))) == {}


def test_native_dates(write):
    """Dates of TOML and YAML arrive as Python's."""
    assert load_overlay(write("a.toml", "a = 2024-05-31\nb = 2024-05-31T12:00:00Z")) == {
        "a": date(2024, 5, 31),
        "b": datetime(2024, 5, 31, 12, tzinfo=UTC),
    }
    assert load_overlay(write("a.yaml", "a: 2024-05-31")) == {"a": date(2024, 5, 31)}


@pytest.mark.parametrize(
    ("name", "content"), [("a.toml", ""), ("a.yaml", ""), ("a.yaml", "# nothing\n"), ("a.json", "{}")]
)
def test_an_empty_overlay(write, name, content):
    """A file without a key changes nothing."""
    assert load_overlay(write(name, content)) == {}


def test_yaml_anchors_and_merge_keys(write):
    """YAML's own ways to share a part of a file work."""
    text = "base: &base {a: 1, b: 2}\nother:\n  <<: *base\n  b: 3\nsame: *base\n"
    shared = {"a": 1, "b": 2}
    assert load_overlay(write("a.yaml", text)) == {"base": shared, "other": {"a": 1, "b": 3}, "same": shared}


MALFORMED = [
    ("a.toml", f'a = 1\nb = "{MARK}', (2, 13), "Unterminated string"),
    ("a.toml", f"a = {MARK}", (1, 5), "invalid TOML: Invalid value"),
    ("a.toml", f"{MARK} 5", (1, 9), "Expected '=' after a key in a key/value pair"),
    ("a.toml", f'"{MARK}" = 1\n"{MARK}" = 2', (2, 14), "Cannot overwrite a value"),
    ("a.toml", f"[{MARK}]\n[{MARK}]", (2, 9), "Cannot declare"),
    ("a.toml", f"a = {{{MARK} = 1, {MARK} = 2}}", (1, 30), "invalid TOML: Duplicate inline table key"),
    ("a.toml", "a = [\n1,\n2 3", (3, 3), "Unclosed array"),
    ("a.toml", "a = " + "9" * 5000, (None, None), "too many digits"),
    ("a.toml", "a = " + "[" * 100_000, (None, None), "nested too deeply"),
    ("a.json", f'{{"a": "{MARK}"', (1, 16), "invalid JSON: Expecting ',' delimiter"),
    ("a.json", f'{{"a": "\\{MARK}"}}', (1, 8), "invalid JSON: Invalid"),
    ("a.json", f"{{\n  {MARK}: 1}}", (2, 3), "Expecting property name enclosed in double quotes"),
    ("a.json", "", (1, 1), "Expecting value"),
    ("a.json", '{"a": ' + "9" * 5000 + "}", (None, None), "too many digits"),
    ("a.json", "[" * 100_000, (None, None), "nested too deeply"),
    ("a.json", f'{{"{MARK}": 1,\n "{MARK}": 2}}', (None, None), "the same key twice, see the lines 1, 2"),
    ("a.json", '{"a": {"b\\u0063": 1, "bc": 2}}', (None, None), "an object has the same key twice"),
    ("a.yaml", f"a: [{MARK}", (1, 12), "invalid YAML: expected"),
    ("a.yaml", f"a: !{MARK} 1", (1, 4), "could not determine a constructor for the tag"),
    ("a.yaml", f"a: *{MARK}", (1, 4), "found undefined alias"),
    ("a.yaml", f"a: !!python/object:os.{MARK} 1", (1, 4), "could not determine a constructor for the tag"),
    ("a.yaml", f"{MARK}: 1\nb:\n  c: 1\n{MARK}: 2", (4, 1), "this key is already there"),
    ("a.yaml", "b:\n  - {c: 1, 'c': 2}", (2, 12), "this key is already there"),
    ("a.yaml", f"? [{MARK}]\n: 1", (1, 3), "found unhashable key"),
    ("a.yaml", f"--- {{a: {MARK}}}\n--- {{b: 1}}", (2, 1), "but found another document"),
    ("a.yaml", f"a: {MARK}\x01", (1, 11), "a character that YAML does not allow"),
    ("a.yaml", f"a: 2024-02-30 # {MARK}", (None, None), "not of the type it looks like"),
    ("a.yaml", f"a: !!bool {MARK}", (None, None), "not of the type it looks like"),
    ("a.yaml", "a: &x {b: *x}", (1, 4), "recursive"),
    ("a.yaml", "&x {b: *x}", (1, 1), "recursive"),
    ("a.yaml", "a: " + "[" * 10_000, (None, None), "nested too deeply"),
    ("a.json", f'["{MARK}"]', (None, None), "the top level must be a table of keys, it is a list"),
    ("a.yaml", MARK, (None, None), "it is a str"),
    ("a.yaml", f"1: {MARK}", (None, None), "the keys at the top level must be text, one is of type int: quote it"),
    ("a.yaml", f"on: {MARK}", (None, None), "one is of type bool"),
    ("a.ini", MARK, (None, None), "unknown suffix '.ini'; use one of .toml, .json, .yaml, .yml"),
    ("a", MARK, (None, None), "no suffix"),
    ("a.toml", f"# {MARK}\na = '".encode() + b"\xff'", (2, 6), "not UTF-8"),
    ("a.toml", b"\xef\xbb\xbfa\xff", (1, 5), "byte 5"),
]


@pytest.mark.parametrize(("name", "content", "position", "reason"), MALFORMED, ids=lambda value: repr(value)[:40])
def test_malformed_files(write, name, content, position, reason):
    """A malformed file is an error that says what and where, and shows no piece of the file."""
    file = write(name, content)
    with pytest.raises(OverlayFileError) as caught:
        load_overlay(file)
    error = caught.value
    assert error.path == str(file)
    assert reason in error.reason
    assert (error.line, error.column) == position
    assert str(error) == ":".join([str(file), *(str(number) for number in position if number)]) + f": {error.reason}"
    assert (error.__cause__, error.__context__) == (None, None)
    assert MARK not in "".join(traceback.format_exception(error)).replace(str(file), "")
    assert MARK not in repr(error.args)


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    """A missing file, a directory and a path that is none are errors of the same class."""
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "file.toml").touch()
    cases = {
        tmp_path / "missing.toml": "no such file",
        tmp_path / "folder.toml": "this is a directory, not a file",
        tmp_path / "file.toml" / "x.toml": "cannot be read: Not a directory",
        "nul\0.toml": "the path has a NUL character",
    }
    for path, reason in cases.items():
        with pytest.raises(OverlayFileError) as caught:
            load_overlay(path)
        assert reason in caught.value.reason
        assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OverlayFileError, match=f"missing.toml: no such file in {tmp_path}"):
        load_overlay("missing.toml")


def test_no_permission(write, monkeypatch):
    """A file that may not be read says so."""
    file = write("a.toml", "")

    def refuse(path, *_args):
        raise PermissionError(13, "Permission denied", path)

    if os.geteuid() == 0:  # The superuser may read everything.
        monkeypatch.setattr(os, "open", refuse)
    else:
        file.chmod(0)
    with pytest.raises(OverlayFileError, match="no permission to read it"):
        load_overlay(file)


def test_without_pyyaml(write, monkeypatch):
    """Without PyYAML a YAML file is an error that tells what to install."""
    file = write("a.yaml", "a: 1")
    real = builtins.__import__

    def without_yaml(name, *args, **kwargs):
        if name == "yaml":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "yaml", raising=False)
    monkeypatch.setattr(builtins, "__import__", without_yaml)
    with pytest.raises(OverlayFileError, match=r"pip install 'resourcekit\[yaml\]'"):
        load_overlay(file)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(json_values)
def test_json_is_read_back(value):
    """Every JSON text without a key twice gives its value."""
    assert parse_json(json.dumps(value)) == value


@given(st.text() | json_values.map(json.dumps).map(lambda text: text[:-1]))
def test_json_gives_a_value_or_a_problem(text):
    """A text that is no JSON gives a problem, where the standard library raises."""
    try:
        expected = json.loads(text)
    except ValueError:
        assert isinstance(parse_json(text), SyntaxProblem)
    else:
        assert parse_json(text) == expected or expected != expected


def outcome_of(file):
    """The table of an overlay, or the error."""
    try:
        return load_overlay(file)
    except OverlayFileError as error:
        return error


@pytest.mark.parametrize("suffix", [".toml", ".json", ".yaml"])
@given(content=st.text("ab:=[]{}\"'\n -,#&*!1.\ufeff", max_size=30))
def test_any_file_gives_a_table_or_an_overlay_error(tmp_path_factory, suffix, content):
    """No content makes anything but a table or the one error."""
    file = tmp_path_factory.getbasetemp() / f"any{suffix}"
    file.write_text(content)
    outcome = outcome_of(file)
    assert isinstance(outcome, dict) or outcome.__context__ is None


def test_toml_positions_are_the_parsers(write):
    """The line and column are those of the standard library's own message."""
    text = "a = 1\n[b\n"
    with pytest.raises(tomllib.TOMLDecodeError, match=r"line 2, column 3"):
        tomllib.loads(text)
    with pytest.raises(OverlayFileError) as caught:
        load_overlay(write("a.toml", text))
    assert (caught.value.line, caught.value.column) == (2, 3)
