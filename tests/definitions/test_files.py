"""The files of `FilesystemIOManager`: none is shared, none is left behind, and those of before are found."""

import json
import os
import pickle
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import (
    AssetKey,
    FilesystemIOManager,
    InputContext,
    NotReadableError,
    NotStorableError,
    NotStoredError,
    OutputContext,
    asset,
    materialize,
)
from resourcekit.definitions import JsonSerializer, PickleSerializer, Serializer


class Text(Serializer):
    """Text with its class's name before it, so that no other reads it."""

    suffix = ".txt"

    def dump(self, value: Any, file: Any, annotation: Any) -> None:
        file.write(f"{type(self).__name__}:{value}".encode())

    def load(self, file: Any, annotation: Any) -> Any:
        name, _, text = file.read().decode().partition(":")
        assert name == type(self).__name__
        return text


class Other(Text):
    """Another with the same suffix."""


class Bare(Text):
    suffix = ""


class Json(Text):
    suffix = ".json"


class Deep(Text):
    suffix = ".json.txt"


class Odd(Text):
    suffix = "x"


class Numbered(Text):
    suffix = ".2.txt"


def files(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def store(folder: Path, *serializers: Any) -> Any:
    given_ = list(serializers) if len(serializers) != 1 else serializers[0]
    return FilesystemIOManager(base_dir=folder, serializer=given_ or "pickle").create_io_manager(None)


def write(io: Any, key: Any, value: Any) -> str:
    """Have a value stored; gives the path, without that of the store."""
    context = OutputContext(step_key="x", asset_key=AssetKey(key))
    io.handle_output(context, value)
    return Path(context.metadata["path"]).relative_to(io.base_dir.resolve()).as_posix()


def read(io: Any, key: Any) -> Any:
    return io.load_input(InputContext(name="x", upstream_output=OutputContext(step_key="x", asset_key=AssetKey(key))))


def test_a_key_that_ends_like_a_file_of_another(tmp_path):
    """Assets `report` and `report.json` keep a value each, whichever format writes first."""
    for name, first, second in (("a", "json", "pickle"), ("b", "pickle", "json")):
        stores = {kind: store(tmp_path / name, kind) for kind in (first, second)}
        keys = {"json": "report", "pickle": "report.json"}
        for kind in (first, second, first):
            write(stores[kind], [keys[kind]], kind)
        assert files(tmp_path / name) == ["report%2Ejson", "report.json"]
        assert [read(stores[kind], [keys[kind]]) for kind in stores] == list(stores)


def test_assets_with_dots_in_one_execution(tmp_path):
    """`auto` puts plain data into JSON and the rest into pickles: none of the files is another asset's."""

    @asset(key=["report"])
    def plain():
        return [1]

    @asset(key=["report.json"])
    def pickled():
        return (1, 2)

    @asset(key=["report.json.json"], ins={"a": AssetKey(["report"]), "b": AssetKey(["report.json"])})
    def both(a, b):
        return [*a, *b]

    files_ = FilesystemIOManager(base_dir=tmp_path, serializer="auto")
    result = materialize([plain, pickled, both], resources={"io_manager": files_})
    assert result.output_for(both) == [1, 1, 2]
    assert files(tmp_path) == ["report%2Ejson", "report%2Ejson%2Ejson.json", "report.json"]


@pytest.mark.parametrize(
    ("key", "path"),
    [
        (["orders"], "orders"),
        (["shop.v2", "orders"], "shop.v2/orders"),
        (["v1.2"], "v1.2"),
        (["2024.05.31"], "2024.05.31"),
        (["Report"], "Report"),
        (["a b"], "a b"),
        (["a.b"], "a%2Eb"),
        (["a/b"], "a%2Fb"),
        (["a%2Eb"], "a%252Eb"),
        ([".hidden"], "%2Ehidden"),
        ([".."], "%2E%2E"),
        ([".serializers", "x"], "%2Eserializers/x"),
        ([".Serializers", "x"], "%2ESerializers/x"),
        ([f".{'0' * 32}.1.a.b.tmp"], f".{'0' * 32}.1%2Ea%2Eb%2Etmp"),
    ],
)
def test_where_a_key_is(tmp_path, key, path):
    """The file is called like the key; what could be taken for another's is escaped."""
    io = store(tmp_path)
    assert write(io, key, 1) == path
    assert io.path(tuple(key)) == tmp_path / path
    assert read(io, key) == 1


def test_two_serializers_in_one_folder(tmp_path):
    """Of two serializers with one suffix the first that writes has it; the other's files bear its name."""
    first, second = store(tmp_path, Text()), store(tmp_path, Other())
    assert write(first, ["a"], "one") == "a.txt"
    assert write(second, ["a"], "two") == "a%Other.txt"
    assert (read(first, ["a"]), read(second, ["a"])) == ("one", "two")
    assert write(first, ["b"], "three") == "b.txt"
    with pytest.raises(NotStoredError, match="the file there is of another key or serializer"):
        read(second, ["b"])
    assert [read(store(tmp_path, Other(), Text()), [key]) for key in "ab"] == ["two", "three"]


def test_a_list_with_one_suffix(tmp_path):
    """In a list of serializers with one suffix each has files of its own; a new value replaces the one before."""

    class Words(Text):
        def accepts(self, value: object) -> bool:
            return value != "b"

    io = store(tmp_path, Words(), Other())
    for value, names in (("a", ["x.txt"]), ("b", ["x%Other.txt"]), ("c", ["x.txt"])):
        write(io, ["x"], value)
        assert read(io, ["x"]) == value
        assert files(tmp_path) == names


def test_the_suffix_of_a_built_in_serializer(tmp_path):
    """A serializer of one's own may have the suffix of a built-in one, where it is the first; else it gives way."""
    assert write(store(tmp_path / "a", Bare()), ["x"], "own") == "x"
    assert write(store(tmp_path / "a"), ["x"], 1) == "x%PickleSerializer"
    assert write(store(tmp_path / "b"), ["x"], 1) == "x"
    assert write(store(tmp_path / "b", Bare()), ["x"], "own") == "x%Bare"
    for folder in ("a", "b"):
        assert read(store(tmp_path / folder, Bare()), ["x"]) == "own"
        assert read(store(tmp_path / folder), ["x"]) == 1


def test_claims_at_the_same_time(tmp_path, monkeypatch):
    """Of two writers that begin at once one has the suffix; the other finds out, and leaves nothing."""
    real = Path.rename

    def late(self, target):
        monkeypatch.setattr(Path, "rename", real)
        write(store(tmp_path, Other()), ["x"], "other")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", late)
    assert write(store(tmp_path, Text()), ["x"], "text") == "x%Text.txt"
    assert (read(store(tmp_path, Text()), ["x"]), read(store(tmp_path, Other()), ["x"])) == ("text", "other")
    assert os.listdir(tmp_path / ".serializers") == ["suffix.txt"]


SERIALIZERS = [PickleSerializer, JsonSerializer, Text, Other, Bare, Json, Deep, Odd, Numbered]
names = st.text("aA.%~x2/", min_size=1, max_size=6) | st.sampled_from(
    [
        "report",
        "report.json",
        "report.json.txt",
        "report.txt",
        "report%Other",
        "report.2",
        "reportx",
        "v1.2",
        ".x",
        "..",
    ]
)


@given(st.lists(st.tuples(names, st.sampled_from(SERIALIZERS)), min_size=1, max_size=12))
def test_no_two_share_a_file(tmp_path_factory, written):
    """Whatever keys and serializers write into one folder, each reads what it wrote last."""
    folder = tmp_path_factory.mktemp("store")
    expected, paths = {}, {}
    for number, (key, cls) in enumerate(written):
        value = f"{number} of {key} by {cls.__name__}"
        paths.setdefault(write(store(folder, cls()), [key], value), set()).add((key, cls))
        expected[key, cls] = value
    assert all(len(owners) == 1 for owners in paths.values())
    assert {(key, cls): read(store(folder, cls()), [key]) for key, cls in expected} == expected
    assert len(files(folder)) == len(expected)


@given(st.lists(st.tuples(names, st.sampled_from([0, 1, [1], (1,), {"a": 1}, "text"])), min_size=1, max_size=12))
def test_one_store_with_several_formats(tmp_path_factory, written):
    """With `auto` each key has one file, whatever formats its values had, and gives its last value."""
    io = store(tmp_path_factory.mktemp("store"), "auto")
    expected = {}
    for key, value in written:
        write(io, [key], value)
        expected[key] = value
    assert {key: read(io, [key]) for key in expected} == expected
    assert len(files(io.base_dir)) == len(expected)


# Stores of before ----------------------------------------------------------------------------------------------------


def test_a_store_of_before_is_read(tmp_path):
    """A key with a dot, a serializer with a built-in suffix and one with an odd suffix are found where they were."""
    (tmp_path / "report.json").write_bytes(pickle.dumps("pickled"))
    (tmp_path / "report.txt").write_text("Text:text")
    (tmp_path / "orders.v.json").write_text("[1]")
    (tmp_path / "plain").write_text("Bare:bare")
    (tmp_path / "oddx").write_text("Odd:odd")
    before = files(tmp_path)
    assert read(store(tmp_path), ["report.json"]) == "pickled"
    assert read(store(tmp_path, "auto"), ["report.json"]) == "pickled"
    assert read(store(tmp_path, "json"), ["orders.v"]) == [1]
    assert read(store(tmp_path, Text()), ["report"]) == "text"
    assert read(store(tmp_path, Bare()), ["plain"]) == "bare"
    assert read(store(tmp_path, Odd()), ["odd"]) == "odd"
    for io, key in ((store(tmp_path, "json"), "report"), (store(tmp_path, "json"), "report.json")):
        with pytest.raises(NotStoredError):
            read(io, [key])
    with pytest.raises(NotReadableError):
        read(store(tmp_path), ["plain"])
    assert files(tmp_path) == before


def test_a_store_that_is_half_new(tmp_path):
    """What is written anew is what is read; the file of before stays for whom it may belong to."""
    (tmp_path / "report.json").write_bytes(pickle.dumps("old"))
    io = store(tmp_path)
    assert write(io, ["report.json"], "new") == "report%2Ejson"
    assert read(io, ["report.json"]) == "new"
    assert pickle.loads((tmp_path / "report.json").read_bytes()) == "old"
    assert write(store(tmp_path, "json"), ["report"], [1]) == "report.json"
    assert (read(io, ["report.json"]), read(store(tmp_path, "json"), ["report"])) == ("new", [1])


def test_nothing_of_before_is_overwritten(tmp_path):
    """A pickle of key `report.json` that is in the place of `report` in JSON is moved to where it belongs today."""
    (tmp_path / "report.json").write_bytes(pickle.dumps("old"))
    assert write(store(tmp_path, "json"), ["report"], [1]) == "report.json"
    assert json.loads((tmp_path / "report.json").read_text()) == [1]
    assert read(store(tmp_path), ["report.json"]) == "old"
    assert files(tmp_path) == ["report%2Ejson", "report.json"]


# Look-alikes ---------------------------------------------------------------------------------------------------------


def test_upper_and_lower_case_where_they_are_told_apart(tmp_path):
    """Where the file system tells `Report` from `report`, each is called like its key."""
    io = store(tmp_path)
    for key in (["Report"], ["report"], ["rEPORT"], ["Shop", "x"], ["shop", "x"]):
        assert write(io, key, key) == "/".join(key)
        assert read(io, key) == key


@pytest.fixture
def case_blind(tmp_path, monkeypatch):
    """A folder in which every name finds the entry that differs in case only, as on Windows and macOS."""
    real = os.path.lexists

    def lexists(path):
        path = Path(path)
        if tmp_path not in path.parents or not path.parent.is_dir():
            return real(path)
        return path.name.casefold() in {name.casefold() for name in os.listdir(path.parent)}

    monkeypatch.setattr(os.path, "lexists", lexists)
    return tmp_path


def test_upper_and_lower_case_where_they_are_not(case_blind):
    """Where they are one file to the system, the key that comes later has a digest in its name."""
    io, in_json = store(case_blind), store(case_blind, "json")
    keys = (["Report"], ["report"], ["rEPORT"], ["Shop", "x"], ["shop", "x"], ["Shop", "X"])
    for _ in range(2):
        paths = [write(io, key, key) for key in keys]
        assert [read(io, key) for key in keys] == list(keys)
    assert len({path.casefold() for path in paths}) == len(keys)
    assert (paths[0], paths[3]) == ("Report", "Shop/x")
    assert re.fullmatch(r"report%~[0-9a-f]{12}", paths[1])
    assert re.fullmatch(r"shop%~[0-9a-f]{12}/x", paths[4])
    assert write(in_json, ["a"], 1) == "a.json"
    assert re.fullmatch(r"A%~[0-9a-f]{12}\.json", write(in_json, ["A"], 2))
    assert (read(in_json, ["a"]), read(in_json, ["A"])) == (1, 2)


# Long keys -----------------------------------------------------------------------------------------------------------


def test_long_keys(tmp_path):
    """A key as long as a file's name can be is stored; one that is longer, also by its escaping, is told so."""
    io = store(tmp_path)
    assert write(io, ["x" * 255], 1) == "x" * 255
    assert read(io, ["x" * 255]) == 1
    for key in (["x" * 256], ["." * 100 + "x"], ["é" * 128]):
        with pytest.raises(NotStorableError, match="too long for the name of a file here; give it a shorter key"):
            write(io, key, 1)
        with pytest.raises(NotStoredError):
            read(io, key)
    assert files(tmp_path) == ["x" * 255]


# Killed and living writers -------------------------------------------------------------------------------------------

WRITER = """
import sys
from tests.definitions.test_files import *

class Slow(PickleSerializer):
    def dump(self, value, file, annotation):
        file.write(b"half")
        file.flush()
        print("writing", flush=True)
        sys.stdin.readline()
        file.seek(0)
        super().dump(value, file, annotation)

Slow.__name__ = "PickleSerializer"
write(store(Path(sys.argv[1]), Slow()), sys.argv[2].split("/"), "of the other process")
"""


@contextmanager
def writer(folder: Path, key: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that is in the middle of writing a value, and goes on when it gets a line."""
    command = [sys.executable, "-c", WRITER, str(folder), key]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "writing\n"
            yield process
        finally:
            process.kill()


def unfinished(folder: Path) -> list[Path]:
    return list(folder.rglob("*.tmp"))


@pytest.mark.parametrize("key", ["orders", "shop/orders", "run/step/result"])
def test_what_a_killed_writer_leaves(tmp_path, key):
    """The next writer of whatever key removes the file that a killed one did not finish."""
    io = store(tmp_path)
    with writer(tmp_path, key) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(unfinished(tmp_path)) == 1
    with pytest.raises(NotStoredError):
        read(io, key.split("/"))
    assert len(unfinished(tmp_path)) == 1
    write(io, ["another"], 1)
    assert unfinished(tmp_path) == []


def test_what_a_living_writer_has(tmp_path):
    """The file of a writer that lives stays, however many others write, and the value is there when it is done."""
    io = store(tmp_path)
    with writer(tmp_path, "orders") as one, writer(tmp_path, "orders") as two:
        assert len(unfinished(tmp_path)) == 2
        for number in range(3):
            write(io, ["orders"], number)
            assert len(unfinished(tmp_path)) == 2
        two.kill()
        two.wait()
        write(io, ["orders"], "last")
        assert len(unfinished(tmp_path)) == 1
        assert one.communicate("\n")[0] == ""
        assert one.returncode == 0
    assert read(io, ["orders"]) == "of the other process"
    assert unfinished(tmp_path) == []


def test_a_stopped_writer_lives(tmp_path):
    """A process that is stopped is not gone."""
    with writer(tmp_path, "orders") as process:
        process.send_signal(signal.SIGSTOP)
        write(store(tmp_path), ["orders"], 1)
        assert len(unfinished(tmp_path)) == 1
        process.send_signal(signal.SIGCONT)
        process.communicate("\n")
    assert read(store(tmp_path), ["orders"]) == "of the other process"


def test_writers_of_other_hosts(tmp_path):
    """The unfinished file of another host is left, for its locks may not be seen; that of another boot here is not."""
    with writer(tmp_path, "orders") as process:
        process.kill()
        process.wait()
    (found,) = unfinished(tmp_path)
    unique, pid, boot, host, end = found.name[1:].split(".")
    assert (int(pid), end) == (process.pid, "tmp")
    elsewhere = found.rename(tmp_path / f".{unique}.{pid}.abc.elsewhere.tmp")
    (tmp_path / f".{unique}.{pid}.abc.{host}.tmp").touch()
    (tmp_path / f".{unique}.{pid}.{boot}.renamed.tmp").touch()
    (tmp_path / f".{unique}.{pid}.{boot}.folder.tmp").mkdir()
    others = [
        elsewhere,
        tmp_path / f".{unique}.tmp",
        tmp_path / "x.tmp",
        tmp_path / f".{unique}.{pid}.{boot}.folder.tmp",
    ]
    for each in others[1:3]:
        each.touch()
    write(store(tmp_path), ["orders"], 1)
    assert sorted(unfinished(tmp_path)) == sorted(others)


def test_a_store_on_two_disks(tmp_path, monkeypatch):
    """Where a key's folder is on another disk than the store, the unfinished file is beside the value's."""
    elsewhere = Path("/dev/shm") if Path("/dev/shm").is_dir() else tmp_path
    target = elsewhere / f"resourcekit-{os.getpid()}"
    target.mkdir()
    try:
        (tmp_path / "store").mkdir()
        (tmp_path / "store" / "shop").symlink_to(target)
        io = store(tmp_path / "store")
        write_ = OutputContext(step_key="x", asset_key=AssetKey(["shop", "orders"]))
        io.handle_output(write_, 1)
        assert read(io, ["shop", "orders"]) == 1
        assert [path.name for path in target.iterdir()] == ["orders"]
    finally:
        for path in target.iterdir():
            path.unlink()
        target.rmdir()


def test_a_file_that_is_swept_before_it_is_locked(tmp_path, monkeypatch):
    """A sweeper that comes between making a file and locking it does not harm its writer."""
    import fcntl

    real, swept = fcntl.flock, []

    def sweeping(descriptor, operation):
        if not swept and operation == fcntl.LOCK_EX:
            swept.extend(unfinished(tmp_path))
            for path in swept:
                path.unlink()
        return real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", sweeping)
    write(store(tmp_path), ["orders"], 1)
    assert len(swept) == 1
    assert read(store(tmp_path), ["orders"]) == 1


def test_a_file_system_without_locks(tmp_path, monkeypatch):
    """Where files cannot be locked, values are stored all the same, and nothing is swept."""
    import fcntl

    with writer(tmp_path, "orders") as process:
        process.kill()

    def refuse(descriptor, operation):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", refuse)
    write(store(tmp_path), ["orders"], 1)
    assert read(store(tmp_path), ["orders"]) == 1
    assert len(unfinished(tmp_path)) == 1
