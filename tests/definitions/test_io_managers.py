"""IO managers: where values are kept, how files are replaced, and formats."""

import os
import pickle
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import (
    AssetKey,
    ConfigError,
    ConfigurableIOManager,
    ConfigurableIOManagerFactory,
    DefinitionError,
    Definitions,
    EnvVar,
    FilesystemIOManager,
    InMemoryIOManager,
    InputContext,
    IOManager,
    NotReadableError,
    NotStorableError,
    NotStoredError,
    OutputContext,
    ResourceContainer,
    asset,
    job,
    materialize,
    op,
)
from resourcekit.definitions import FileStore, PickleSerializer


@asset
def numbers() -> list[int]:
    return [1, 2]


@asset
def total(numbers: list[int]) -> int:
    return sum(numbers)


def files(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_the_guides_layout(tmp_path):
    """An asset is the file of its key's parts, an op's value that of run, step and output; both are pickles."""

    @asset(key_prefix=["shop", "daily"])
    def orders() -> str:
        return "tea"

    @op
    def load() -> str:
        return "milk"

    @job(resource_defs={"io_manager": FilesystemIOManager(base_dir=tmp_path)})
    def loading():
        load()

    result = materialize([orders], resources={"io_manager": FilesystemIOManager(base_dir=str(tmp_path))})
    loading.execute_in_process(run_id="r1")
    assert files(tmp_path) == ["r1/load/result", "shop/daily/orders"]
    path = tmp_path / "shop" / "daily" / "orders"
    assert pickle.loads(path.read_bytes()) == "tea"
    assert path.read_bytes()[:2] == b"\x80\x04"  # protocol 4
    assert result.steps["shop/daily/orders"].metadata == {"path": str(path)}


def test_values_are_loaded_by_later_executions(tmp_path):
    """What one execution stored, another loads for the assets that it chooses; a new value replaces the old."""
    resources = {"io_manager": FilesystemIOManager(base_dir=tmp_path)}
    materialize([numbers], resources=resources)
    assert materialize([numbers, total], selection=total, resources=resources).output_for(total) == 3

    @asset(name="numbers")
    def other() -> list[int]:
        return [5]

    materialize([other], resources=resources)
    assert materialize([numbers, total], selection=total, resources=resources).output_for(total) == 5
    assert files(tmp_path) == ["numbers", "total"]


def test_base_dir(tmp_path, monkeypatch):
    """`base_dir` is text, a Path or a variable, and is made when it is not there; without one there is a default."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STORE", str(tmp_path / "from" / "variable"))
    for base_dir in ("text", Path("path"), EnvVar("STORE"), None):
        materialize([numbers], resources={"io_manager": FilesystemIOManager(base_dir=base_dir)})
    materialize([numbers], resources={"io_manager": FilesystemIOManager()})
    assert files(tmp_path) == [
        ".resourcekit/storage/numbers",
        "from/variable/numbers",
        "path/numbers",
        "text/numbers",
    ]
    monkeypatch.delenv("STORE")
    with pytest.raises(ConfigError, match="STORE"):
        materialize([numbers], resources={"io_manager": FilesystemIOManager(base_dir=EnvVar("STORE"))})


def test_a_base_dir_of_the_users(tmp_path, monkeypatch):
    """A `~` at the beginning of `base_dir` is the user's home."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for base_dir in ("~/text", Path("~", "path")):
        materialize([numbers], resources={"io_manager": FilesystemIOManager(base_dir=base_dir)})
    assert files(tmp_path) == ["path/numbers", "text/numbers"]


def test_an_empty_base_dir(tmp_path, monkeypatch):
    """An empty `base_dir` is refused, also from a variable: it would be the folder that the program runs in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STORE", "")
    with pytest.raises(DefinitionError, match=r"base_dir: .*it is empty: give a directory"):
        FilesystemIOManager(base_dir="")
    with pytest.raises(ConfigError, match=r"io_manager\.base_dir"):
        materialize([numbers], resources={"io_manager": FilesystemIOManager(base_dir=EnvVar("STORE"))})
    assert files(tmp_path) == []


def test_a_base_dir_that_cannot_be(tmp_path):
    """A directory that cannot be made is an error before any step runs, and says that a file is in its place."""
    (tmp_path / "file").touch()
    ran = []

    @asset
    def runs():
        ran.append(1)

    for place, kind in ((tmp_path / "file", FileExistsError), (tmp_path / "file" / "below", NotADirectoryError)):
        with pytest.raises(kind, match="base_dir must be a directory, and a file is in its place") as caught:
            materialize([runs], resources={"io_manager": FilesystemIOManager(base_dir=place)})
        assert caught.value.filename == str(place)
    assert ran == []


def test_a_directory_that_cannot_be_written_to(tmp_path, monkeypatch):
    """An error of the operating system names the file of the value, not the one that was to take its place."""

    def refuse(path, *_args):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PermissionError) as caught:
        materialize([numbers], resources={"io_manager": FilesystemIOManager(base_dir=tmp_path)})
    assert caught.value.filename == str(tmp_path / "numbers")


@pytest.mark.parametrize("method", ["mkdir", "is_file"])
def test_what_the_operating_system_refuses_surfaces(tmp_path, monkeypatch, method):
    """A folder that may not be made or looked into is the operating system's own error, not that of a missing value."""
    defs = Definitions([numbers, total], resources={"io_manager": FileStore(tmp_path / "store", [PickleSerializer()])})

    def refuse(path, *_args, **_options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, method, refuse)
    with pytest.raises(PermissionError):
        defs.materialize(numbers if method == "mkdir" else total)


@pytest.mark.parametrize("key", [["x" * 300], ["x" * 300, "y"]])
def test_a_key_that_is_too_long(tmp_path, key):
    """A key that no file can be called like is told so; nothing can be kept under it."""

    @asset(key=key)
    def long():
        return 1

    defs = Definitions([long], resources={"io_manager": FilesystemIOManager(base_dir=tmp_path)})
    with pytest.raises(NotStorableError, match="key is too long for the name of a file here; give it a shorter key"):
        defs.materialize()
    with pytest.raises(NotStoredError):
        defs.load_asset_value(long)


def test_what_an_io_manager_raises(tmp_path):
    """An error of an IO manager has a note: its key and class, its method, and whose value it was to keep or give."""

    class Broken(ConfigurableIOManager):
        def handle_output(self, context, obj):
            raise ValueError("full")

        def load_input(self, context):
            raise ValueError("gone")

    @asset(io_manager_key="broken")
    def kept():
        return 1

    resources = {"broken": Broken(), "io_manager": FilesystemIOManager(base_dir=tmp_path)}

    @asset
    def taker(kept): ...

    defs = Definitions([kept, taker], resources=resources)
    for selection, note in (
        (kept, "handle_output of IO manager 'broken' (Broken), storing the value of asset 'kept'"),
        (taker, "load_input of IO manager 'broken' (Broken), loading the value of asset 'kept' for 'kept'"),
    ):
        with pytest.raises(ValueError, match=r"full|gone") as caught:
            defs.materialize(selection)
        assert caught.value.__notes__[0] == f"resourcekit: {note}"
    with pytest.raises(ValueError, match="gone") as caught:
        defs.load_asset_value(kept)
    assert caught.value.__notes__ == [
        "resourcekit: load_input of IO manager 'broken' (Broken), loading the value of asset 'kept'"
    ]

    @asset
    def unloaded(): ...

    @asset
    def wants(unloaded): ...

    with pytest.raises(NotStoredError) as caught:
        materialize([unloaded, wants], selection=wants)
    assert "load_input of the execution's own memory" in caught.value.__notes__[0]


def test_the_class_is_a_factory(tmp_path):
    """`FilesystemIOManager` has no `handle_output` itself; `create_io_manager(None)` gives the object that has."""
    manager = FilesystemIOManager(base_dir=tmp_path)
    assert not hasattr(manager, "handle_output")
    store = manager.create_io_manager(None)
    assert isinstance(store, FileStore)
    context = OutputContext(step_key="x", asset_key=AssetKey("x"))
    store.handle_output(context, 5)
    assert context.metadata == {"path": str(tmp_path / "x")}
    assert store.load_input(InputContext(name="x", upstream_output=context)) == 5
    assert repr(store) == f"<FileStore {tmp_path}>"


@pytest.mark.parametrize("old", ["kept", None])
def test_nothing_half_written(tmp_path, old):
    """A value that cannot be stored leaves the file as it was, or none; the error names asset, type and a way out."""
    resources = {"io_manager": FilesystemIOManager(base_dir=tmp_path)}

    @asset(name="numbers")
    def first() -> str:
        return old

    @asset(name="numbers")
    def second() -> Any:
        return ["x" * 100_000, (number for number in range(3))]

    if old:
        materialize([first], resources=resources)
    with pytest.raises(NotStorableError, match="asset 'numbers': PickleSerializer cannot write a list") as caught:
        materialize([second], resources=resources)
    assert "cannot pickle 'generator' object" in str(caught.value)
    assert "InMemoryIOManager" in str(caught.value)
    assert isinstance(caught.value, TypeError)
    assert files(tmp_path) == (["numbers"] if old else [])
    if old:
        assert pickle.loads((tmp_path / "numbers").read_bytes()) == "kept"


def test_a_full_disk_is_told_as_it_is(tmp_path):
    """An error of the operating system while writing surfaces as itself, and leaves nothing behind."""

    class Full(PickleSerializer):
        def dump(self, value, file, annotation):
            file.write(b"half")
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        materialize([numbers], resources={"io_manager": FilesystemIOManager(base_dir=tmp_path, serializer=Full())})
    assert files(tmp_path) == []


def test_files_have_ordinary_permissions(tmp_path):
    """Stored files may be read by whom the umask lets, like any file that a program writes."""
    before = os.umask(0o027)
    try:
        materialize([numbers], resources={"io_manager": FilesystemIOManager(base_dir=tmp_path)})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "numbers").stat().st_mode) == 0o640


def test_what_is_not_there(tmp_path):
    """A value that was never stored is a FileNotFoundError with asset, path and what to do."""
    defs = Definitions([numbers, total], resources={"io_manager": FilesystemIOManager(base_dir=tmp_path)})
    with pytest.raises(FileNotFoundError) as caught:
        defs.materialize(total)
    assert isinstance(caught.value, NotStoredError)
    hint = "run 'numbers' with this IO manager first"
    assert str(caught.value) == f"asset 'numbers' is not stored at {tmp_path / 'numbers'}; {hint}"
    assert pickle.loads(pickle.dumps(caught.value)).hint == hint


def test_what_cannot_be_read(tmp_path):
    """A damaged file is told with asset and path, and with what was raised as its cause."""
    defs = Definitions([numbers, total], resources={"io_manager": FilesystemIOManager(base_dir=tmp_path)})
    (tmp_path / "numbers").write_bytes(b"rubbish")
    with pytest.raises(NotReadableError, match="numbers cannot be read by PickleSerializer: UnpicklingError") as caught:
        defs.load_asset_value(numbers)
    assert not isinstance(caught.value, NotStorableError)
    assert pickle.loads(pickle.dumps(caught.value)).what == "asset 'numbers'"
    assert isinstance(caught.value.__cause__, pickle.UnpicklingError)


def test_a_key_that_is_the_beginning_of_another(tmp_path):
    """A file cannot be a directory as well: two assets whose keys begin alike are told so, whichever comes first."""

    @asset(key="a")
    def short() -> int:
        return 1

    @asset(key="a/b")
    def long() -> int:
        return 2

    for order, words in (([short, long], "a file of that name is in the way"), ([long, short], "is a directory")):
        folder = tmp_path / words[:4].strip()
        with pytest.raises(NotStorableError, match=words):
            materialize(order, resources={"io_manager": FilesystemIOManager(base_dir=folder)})


hostile = st.text(min_size=1, max_size=12) | st.sampled_from(["..", ".", "...", "/", "a/../..", "\\", "C:", "%2E%2E"])


@given(st.lists(st.lists(hostile, min_size=1, max_size=3), min_size=2, max_size=2))
def test_nothing_leaves_the_directory(keys):
    """Whatever is in a key, its file is inside the directory, and two keys never share one."""
    store = FileStore(Path("/base/dir"), [PickleSerializer()])
    paths = [store.path(AssetKey(key).path) for key in keys]
    for key, path in zip(keys, paths, strict=True):
        assert Path(os.path.normpath(path)) == path
        assert path.parts[: 3 + len(key) - 1] == (*Path("/base/dir").parts, *path.parts[3:-1])
        assert len(path.parts) == 3 + len(key)
    assert (keys[0] == keys[1]) == (paths[0] == paths[1])


def test_traversal_is_escaped(tmp_path):
    """A key with `..` or slashes in its parts is stored inside the directory, and found again."""

    @asset(key=["..", "../../x", "name"])
    def hostile() -> int:
        return 1

    defs = Definitions([hostile], resources={"io_manager": FilesystemIOManager(base_dir=tmp_path / "in")})
    defs.materialize()
    assert files(tmp_path) == ["in/%2E%2E/..%2F..%2Fx/name"]
    assert defs.load_asset_value(hostile) == 1


# Your own IO managers ------------------------------------------------------------------------------------------------


class Prefixed(ConfigurableIOManager):
    """Keeps values in a dict of the test's, under a prefix."""

    prefix: str

    def handle_output(self, context, obj):
        KEPT[self.prefix, str(context)] = (obj, context.annotation, dict(context.definition_metadata))
        context.add_output_metadata({"prefix": self.prefix})
        context.log.info("kept")

    def load_input(self, context):
        assert context.has_asset_key
        assert context.asset_key == context.upstream_output.asset_key
        assert context.log.name == "resourcekit.steps.total"
        return KEPT[self.prefix, str(context.upstream_output)][0]


KEPT: dict[tuple[str, str], Any] = {}


def test_an_io_manager_of_ones_own():
    """An IO manager is a resource: it has config, hears whose value it keeps, and tells of it in the result."""

    @asset(metadata={"unit": "EUR"}, name="numbers")
    def annotated() -> list[int]:
        return [4]

    result = materialize(
        [annotated, total],
        resources={"io_manager": Prefixed(prefix="a")},
        config={"io_manager": {"prefix": "b"}},
    )
    assert result.output_for(total) == 4
    assert KEPT["b", "asset 'numbers'"] == ([4], list[int], {"unit": "EUR"})
    assert result.steps["total"].metadata == {"prefix": "b"}


def test_several_io_managers(tmp_path):
    """Each asset says with `io_manager_key` what keeps it; who needs it loads from there."""

    @asset(io_manager_key="disk")
    def numbers() -> list[int]:
        return [1, 2]

    memory = InMemoryIOManager()
    result = materialize(
        [numbers, total],
        resources={"disk": FilesystemIOManager(base_dir=tmp_path), "io_manager": memory},
    )
    assert result.output_for(total) == 3
    assert files(tmp_path) == ["numbers"]
    assert dict(memory.values) == {("total",): 3}
    with pytest.raises(DefinitionError, match="no IO manager 'disk'") as caught:
        materialize([numbers, total], resources={"dsik": memory})
    assert [(each.where, each.hint) for each in caught.value.problems] == [("numbers", "did you mean dsik?")]
    with pytest.raises(DefinitionError, match=r"hint: +add one, disk=FilesystemIOManager\(base_dir=...\)"):
        materialize([numbers, total])


def test_what_cannot_keep_values():
    """What has no `handle_output` is refused before a run where its type is known, else when it is to be used."""

    class Quiet(ConfigurableIOManagerFactory):
        def create_io_manager(self, context):
            return "no IO manager"

    class Told(ConfigurableIOManagerFactory):
        def create_io_manager(self, context) -> str:
            return "no IO manager"

    for wrong in (Told(), "text"):
        with pytest.raises(DefinitionError, match="'io_manager' is str, which has no handle_output") as caught:
            materialize([numbers], resources={"io_manager": wrong})
        assert caught.value.problems[0].code == "wrong-resource"
    with pytest.raises(DefinitionError, match="is a str, which has no handle_output"):
        materialize([numbers], resources={"io_manager": Quiet()})


def test_a_factory_with_a_life():
    """`create_io_manager` may yield: what follows runs when the execution is over."""
    log = []

    class Kept(IOManager):
        def handle_output(self, context, obj):
            log.append(obj)

        def load_input(self, context):
            return log[0]

    class Keeper(ConfigurableIOManagerFactory):
        def create_io_manager(self, context) -> Iterator[Kept]:
            with closing(log_closer(log)):
                yield Kept()

    assert materialize([numbers, total], resources={"io_manager": Keeper()}).output_for(total) == 3
    assert log == [[1, 2], 3, "closed"]


def log_closer(log):
    class Closes:
        def close(self):
            log.append("closed")

    return Closes()


def test_a_factory_must_make_something():
    """A factory without `create_io_manager` cannot be constructed."""
    with pytest.raises(TypeError, match="abstract"):

        class Empty(ConfigurableIOManagerFactory):
            pass

        Empty()


def test_an_io_manager_in_a_container(tmp_path):
    """An IO manager is a key of a container as any other, and may be redefined per environment."""

    class Dev(ResourceContainer):
        io_manager = InMemoryIOManager()

    class Prod(Dev):
        io_manager = FilesystemIOManager(base_dir=tmp_path)

    app = Dev()
    assert materialize([numbers], resources=app).success
    assert materialize([numbers, total], selection=total, resources=app).output_for(total) == 3
    assert materialize([numbers], resources=Prod).success
    assert files(tmp_path) == ["numbers"]
