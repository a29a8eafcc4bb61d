"""What is read as a file: regular files only, up to a limit, and YAML that does not multiply."""

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    DefinitionError,
    FileVar,
    OverlayFileError,
    ReadContext,
    ResourceContainer,
    SourceError,
    open_resource,
)
from resourcekit.config.overlay_files import load_overlay

MIB = 1024 * 1024


class Database(ConfigurableResource):
    host: str


class App(ResourceContainer):
    database = Database(host="localhost")


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def make_sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 40)


ODD = {
    "pipe": (make_pipe, "it is a named pipe, not a regular file"),
    "socket": (make_socket, "it is a socket, not a regular file"),
    "endless": (lambda path: path.symlink_to("/dev/zero"), "it is a device, not a regular file"),
    "terabyte": (make_sparse, "it holds more than 1 MiB"),
}


@pytest.fixture(params=ODD)
def odd(request, tmp_path, monkeypatch):
    """What is no small regular file, at two places: itself, and a link to a link to it. Second: what is said of it."""
    monkeypatch.chdir(tmp_path)  # The path of a socket must be short.
    make, reason = ODD[request.param]
    make(Path("odd"))
    Path("middle").symlink_to(Path("odd").absolute())
    for suffix in (".toml", ".json", ".yaml"):
        Path("link" + suffix).symlink_to("middle")
    return reason


@pytest.mark.parametrize("path", ["odd", "link.toml"])
def test_a_file_source_reads_regular_files_only(odd, path):
    """A pipe, a socket, a device or a huge file in the place of a secret's is told at once, also behind links."""
    with pytest.raises(ConfigError) as caught, open_resource(Database(host=FileVar(path))):
        pass
    (problem,) = caught.value.problems
    assert (problem.code, problem.message) == ("unreadable-source", f"file {path} cannot be read: {odd}")
    (problem,) = App(database=Database(host=FileVar(path))).check()
    assert problem.code == "unreadable-source"
    (problem,) = App().with_config({"database": {"host": {"file": path}}}).check()
    assert problem.code == "unreadable-source"


@pytest.mark.parametrize("suffix", [".toml", ".json", ".yaml"])
def test_an_overlay_is_a_regular_file(odd, suffix):
    """A pipe, a socket, a device or a huge file in the place of an overlay's is told at once, also behind links."""
    reason = f"cannot be read: {odd}; larger or other config is given as a mapping"
    for read in (load_overlay, App().with_config, lambda path: App().run(config=path).__enter__()):
        with pytest.raises(OverlayFileError) as caught:
            read("link" + suffix)
        assert caught.value.reason == reason


def test_a_pipe_that_appears_late(tmp_path, monkeypatch):
    """A pipe that takes the file's place after it was looked at is not waited for."""
    file = tmp_path / "secret"
    file.write_text("word")
    real = os.stat

    def exchanging(path, *args, **kwargs):
        found = real(path, *args, **kwargs)
        if path == str(file) and file.is_file():
            file.unlink()
            os.mkfifo(file)
        return found

    monkeypatch.setattr(os, "stat", exchanging)
    with pytest.raises(SourceError, match="it is a named pipe"):
        FileVar(file).read(ReadContext({}))


def test_a_directory_that_appears_late(tmp_path, monkeypatch):
    """A directory that takes the file's place after it was looked at is told as one."""
    looks_like = os.stat(__file__)
    monkeypatch.setattr(os, "stat", lambda *_args, **_kwargs: looks_like)
    with pytest.raises(SourceError, match="Is a directory"):
        FileVar(tmp_path).read(ReadContext({}))


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="there is no /proc here")
def test_files_without_a_size():
    """A file of /proc says that it holds nothing: it is read to its end, and the limit holds for it."""
    with open_resource(Database(host=FileVar("/proc/self/status"))) as database:
        assert f"Pid:\t{os.getpid()}" in database.host
    with pytest.raises(SourceError, match=r"it holds more than 5 bytes") as caught:
        FileVar("/proc/self/status", limit=5).read(ReadContext({}))
    assert caught.value.hint == "check the path; a larger file is read with FileVar(..., limit=...)"


@given(size=st.integers(0, 40), limit=st.integers(1, 40))
def test_the_limit(tmp_path_factory, size, limit):
    """A file of exactly the limit is read, one of a byte more is not."""
    file = tmp_path_factory.getbasetemp() / "limited"
    file.write_text("x" * size)
    source = FileVar(file, limit=limit)
    if size <= limit:
        assert source.read(ReadContext({})) == "x" * size
    else:
        with pytest.raises(SourceError, match=f"it holds more than {limit} bytes"):
            source.read(ReadContext({}))


def test_one_mib_unless_given(tmp_path):
    """Without a limit it is 1 MiB; a larger file is read where the declaration or the overlay says so."""
    file = tmp_path / "certificates"
    file.write_text("x" * (MIB + 1))
    with pytest.raises(SourceError, match=r"it holds more than 1 MiB"):
        FileVar(file).read(ReadContext({}))
    assert len(str(FileVar(file, limit=2 * MIB).read(ReadContext({})))) == MIB + 1
    with App().run(config={"database": {"host": {"file": str(file), "limit": 2 * MIB}}}) as resources:
        assert len(resources.database.host) == MIB + 1
    file.write_text("x" * MIB)
    assert FileVar(file).read(ReadContext({})) == "x" * MIB


def test_the_limit_is_a_count():
    """A limit that is no number of bytes is refused where it is written; two limits are two sources."""
    for wrong in (0, -1, True, 1.5, "1", None):
        with pytest.raises(DefinitionError, match="how many bytes the file may hold"):
            FileVar("x", limit=wrong)
    (problem,) = App().with_config({"database": {"host": {"file": "x", "limit": "all"}}}).check()
    assert problem.code == "invalid-value"
    assert repr(FileVar("x", limit=5)) == "FileVar('x', limit=5)"
    assert FileVar("x", limit=5) != FileVar("x")
    assert len({FileVar("x", limit=MIB), FileVar("x")}) == 1


def lists(levels: int, width: int) -> str:
    """Lists of the list before, each several times."""
    lines = [f"l0: &l0 [{', '.join(['x'] * width)}]"]
    lines += [f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines)


def tables(levels: int, width: int) -> str:
    """Tables of the table before, each several times."""
    lines = [f"l0: &l0 {{{', '.join(f'k{k}: x' for k in range(width))}}}"]
    lines += [f"l{n}: &l{n} {{{', '.join(f'k{k}: *l{n - 1}' for k in range(width))}}}" for n in range(1, levels)]
    return "\n".join(lines)


def merges(levels: int, width: int) -> str:
    """Tables that merge the table before, each several times."""
    lines = [f"l0: &l0 {{{', '.join(f'k{k}: x' for k in range(width))}}}"]
    lines += [f"l{n}: &l{n} {{<<: [{', '.join([f'*l{n - 1}'] * width)}]}}" for n in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize("shape", [lists, tables, merges])
@pytest.mark.parametrize(("levels", "width"), [(9, 9), (40, 2), (400, 2), (3, 400)])
def test_yaml_that_multiplies(tmp_path, shape, levels, width):
    """A small YAML file whose aliases stand for more values than fit into memory is refused, at once, with its line."""
    file = tmp_path / "bomb.yaml"
    file.write_text(shape(levels, width))
    with pytest.raises(OverlayFileError, match="aliases of aliases that stand for too many values") as caught:
        App().with_config(file)
    assert caught.value.line is not None


@given(shape=st.sampled_from([lists, tables]), levels=st.integers(1, 6), width=st.integers(1, 5))
def test_yaml_that_shares(tmp_path_factory, shape, levels, width):
    """Aliases that stand for no more than a hundred thousand values are what they are meant to be."""
    file = tmp_path_factory.getbasetemp() / "shared.yaml"
    file.write_text(shape(levels, width))
    found = load_overlay(file)
    assert len(found) == levels
    innermost = found[f"l{levels - 1}"]
    for _ in range(levels):
        innermost = innermost[0] if isinstance(innermost, list) else innermost["k0"]
    assert innermost == "x"


def test_large_yaml_without_aliases(tmp_path):
    """What is written out is not counted against aliases; a table that many others merge is fine."""
    file = tmp_path / "large.yaml"
    file.write_text("a: [" + "1, " * 110_000 + "1]")
    assert len(load_overlay(file)["a"]) == 110_001
    shared = "".join(f"k{n}: {{<<: *base, own: {n}}}\n" for n in range(300))
    file.write_text("base: &base {" + ", ".join(f"b{n}: {n}" for n in range(50)) + "}\n" + shared)
    assert load_overlay(file)["k299"]["b49"] == 49
