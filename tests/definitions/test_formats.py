"""The formats of `FilesystemIOManager`: pickle, JSON, Parquet, and one of your own."""

import dataclasses
import enum
import json
from collections.abc import Coroutine, Generator, Sequence
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Protocol, TypeVar

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import (
    AssetKey,
    ConfigurableResource,
    DefinitionError,
    Definitions,
    FilesystemIOManager,
    InMemoryIOManager,
    InputContext,
    MaterializeResult,
    NotReadableError,
    NotStorableError,
    Output,
    OutputContext,
    ResourceContainer,
    asset,
    job,
    materialize,
    op,
)
from resourcekit.definitions import JsonSerializer, Serializer


@asset
def numbers() -> list[int]:
    return [1, 2]


def files(folder: Path) -> list[str]:
    """Every file below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@attrs.frozen
class Order:
    name: str
    day: date
    amounts: tuple[int, ...] = ()


@dataclass
class Point:
    x: int


def test_json(tmp_path):
    """JSON keeps plain data; classes, dates and tuples come back as the asset says it returns them.

    A parameter that asks for something else is given that, where JSON can be read so.
    """

    @asset
    def orders() -> list[Order]:
        return [Order("tée", date(2024, 5, 31), (1, 2))]

    @asset
    def typed(orders: list[Order]) -> Order:
        return orders[0]

    @asset
    def same(orders):
        return orders[0].amounts[0]

    @asset
    def plain(orders: list[dict[str, Any]]) -> str:
        return orders[0]["day"]

    @asset
    def point(typed: Order) -> Point:
        return Point(typed.amounts[1])

    result = materialize(
        [orders, typed, same, plain, point],
        resources={"io_manager": FilesystemIOManager(base_dir=tmp_path, serializer="json")},
    )
    assert result.output_for(typed) == Order("tée", date(2024, 5, 31), (1, 2))
    assert (result.output_for(same), result.output_for(plain)) == (1, "2024-05-31")
    assert json.loads((tmp_path / "point.json").read_text()) == {"x": 2}
    assert "tée" in (tmp_path / "orders.json").read_text(encoding="utf-8")


def test_annotations_that_io_managers_hear_of():
    """An IO manager hears the type of the value itself: in an `Output`, of each element where a list is gathered."""
    heard = []

    class Hears(InMemoryIOManager):
        def handle_output(self, context, obj):
            heard.append(context.annotation)
            super().handle_output(context, obj)

        def load_input(self, context):
            heard.append(context.annotation)
            return super().load_input(context)

    @op
    def one() -> Output[int]:
        return Output(1)

    @op
    def anything() -> MaterializeResult:
        return MaterializeResult(value=2)

    @op
    def gathered(values: list[int], first: int) -> str:
        return f"{values} {first}"

    @job(resource_defs={"io_manager": Hears()})
    def gathering():
        first = one()
        gathered([first, anything(), 3], first)

    assert gathering.execute_in_process().output_for(gathered) == "[1, 2, 3] 1"
    assert heard == [int, Any, int, int, int, str]


def test_json_that_does_not_fit(tmp_path):
    """A value that JSON has no words for is told; so is stored data that is not what the parameter takes."""
    resources = {"io_manager": FilesystemIOManager(base_dir=tmp_path, serializer="json")}

    @asset
    def strange() -> Any:
        return {"a": object()}

    with pytest.raises(NotStorableError, match="JsonSerializer cannot write a dict"):
        materialize([strange], resources=resources)

    @asset
    def wants_orders(numbers: list[Order]): ...

    with pytest.raises(NotReadableError, match=r"numbers\.json cannot be read by JsonSerializer"):
        materialize([numbers, wants_orders], resources=resources)


@dataclass
class Counter:
    name: str
    seen: int = dataclasses.field(default=0, init=False)


counted = Counter("tea")
counted.seen = 3


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({3: "a", "3": "b"}, "a dict of 1 in the place of a dict of 2"),
        ({3: "a"}, r"a str in the place of an int, at \[key 0\]"),
        ({"sizes": (1, 2)}, r"a list in the place of a tuple, at \['sizes'\]"),
        ([b"bytes"], r"a str in the place of a bytes, at \[0\]"),
        ({1, 2}, "a list in the place of a set"),
        ([float("nan")], "Out of range float values"),
        (float("inf"), "Out of range float values"),
        ({"not a name": date(2024, 1, 1)}, r"a str in the place of a date, at \[value 0\]"),
        (Order("tea", date(2024, 5, 31)), "a dict in the place of an Order"),
    ],
)
def test_json_refuses_what_would_come_back_otherwise(tmp_path, value, told):
    """What JSON would silently change, tuples, keys that are no text, NaN, is refused, with place and way out."""

    @asset
    def changed():
        return value

    manager = FilesystemIOManager(base_dir=tmp_path, serializer="json")
    with pytest.raises(NotStorableError, match=told) as caught:
        materialize([changed], resources={"io_manager": manager})
    assert "annotate the step with what it returns, or use serializer='auto'" in str(caught.value)
    assert files(tmp_path) == []
    auto = FilesystemIOManager(base_dir=tmp_path, serializer="auto")
    assert materialize([changed], resources={"io_manager": auto}).success
    assert files(tmp_path) == ["changed"]


@pytest.mark.parametrize(
    ("annotation", "value", "told"),
    [
        (list[int], ["1"], r"as list\[int\], it would have an int in the place of a str, at \[0\]"),
        (set[float], {1, 2.5}, "another set"),
        (Counter, counted, r"another int, at \.seen"),
        (list[Order], 5, r"as list\[Order\], it would be refused"),
    ],
)
def test_json_refuses_what_its_annotation_does_not_restore(tmp_path, annotation, value, told):
    """A value that is not what the step says it returns is refused, if reading it back as that would change it."""

    @asset
    def changed() -> annotation:
        return value

    manager = FilesystemIOManager(base_dir=tmp_path, serializer="json")
    with pytest.raises(NotStorableError, match=told):
        materialize([changed], resources={"io_manager": manager})


class Size(enum.Enum):
    SMALL = "s"


class Pair(NamedTuple):
    left: int
    right: date


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (dict[int, str], {3: "a"}),
        (tuple[int, ...], (1, 2)),
        (list[tuple[int, str]], [(1, "a")]),
        (set[int], {1, 2}),
        (bytes, b"\x00\xff"),
        (float, 1),
        (Size, Size.SMALL),
        (Pair, Pair(1, date(2024, 5, 31))),
        (Point | None, Point(3)),
        (dict[str, Order], {"a": Order("tea", date(2024, 5, 31), (1, 2))}),
        (Any, {"a": [1, 2.5, None, True]}),
    ],
)
def test_json_gives_back_what_the_step_says_it_returns(tmp_path, annotation, value):
    """What the annotation of the step restores comes back as it was, to whoever takes it, annotated or not."""

    @asset
    def kept() -> annotation:
        return value

    @asset
    def untold(kept):
        assert kept == value
        assert type(kept) is type(value) or annotation is float

    defs = Definitions(
        [kept, untold], resources={"io_manager": FilesystemIOManager(base_dir=tmp_path, serializer="json")}
    )
    assert defs.materialize().success
    assert defs.load_asset_value(kept) == value


plain_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
any_data = plain_data | st.tuples(st.integers(), st.text()) | st.dictionaries(st.integers(), st.booleans()) | st.dates()


@given(any_data)
def test_auto_gives_back_what_it_was_given(tmp_path_factory, value):
    """With `serializer="auto"` plain data is JSON, all else a pickle, and every value comes back as it was."""
    store = FilesystemIOManager(base_dir=tmp_path_factory.mktemp("auto"), serializer="auto").create_io_manager(None)
    context = OutputContext(step_key="x", asset_key=AssetKey("x"))
    store.handle_output(context, value)
    found = store.load_input(InputContext(name="x", upstream_output=context))
    assert found == value
    assert type(found) is type(value)


class Opaque:
    """A class that only pickle takes."""


class Named(Protocol):
    name: str


T = TypeVar("T")


@pytest.mark.parametrize(
    ("annotation", "serializers"),
    [
        (object, ["json", "auto"]),
        (list[object], ["json", "auto", "parquet"]),
        (dict[str, object], ["json", "auto", "parquet"]),
        (Sequence[object], ["json", "auto"]),
        (int | object, ["json", "auto"]),
        (object | None, ["json", "auto"]),
        (Output[object], ["json", "auto"]),
        (Named, ["json", "auto"]),
        (T, ["json", "auto"]),
        (Opaque, ["json"]),
        (list[Opaque], ["json", "auto", "parquet"]),
        (tuple[int, object], ["json", "parquet"]),
        (complex, ["json", "parquet"]),
        (int, ["parquet"]),
        (Generator[int, None, None], ["pickle", "json", "auto", "parquet"]),
        (Coroutine[Any, Any, int], ["pickle", "json", "auto", "parquet"]),
        (ModuleType, ["pickle", "json", "auto", "parquet"]),
        (Any, []),
        (int | str, ["parquet"]),
        (Point | None, []),
        (Order, []),
        (date, []),
    ],
)
@pytest.mark.parametrize("serializer", ["pickle", "json", "auto", "parquet"])
def test_an_annotation_that_no_file_can_keep(tmp_path, annotation, serializers, serializer):
    """A return annotation that a format is sure to refuse is a problem before anything opens, also for `check`."""
    if serializer == "parquet":
        pytest.importorskip("pyarrow")
    if serializer == "json" and annotation == tuple[int, object] and version("cattrs") < "26.2":
        pytest.skip("older versions of cattrs do not tell before")
    log = []

    class Opens(ConfigurableResource):
        def setup_for_execution(self, context):
            log.append("opened")

    @asset
    def made(opens: Opens) -> annotation:
        log.append("ran")
        return MaterializeResult()

    manager = FilesystemIOManager(base_dir=tmp_path / "store", serializer=serializer)
    for keeper in (manager, manager.create_io_manager(None)):
        defs = Definitions([made], resources={"opens": Opens(), "io_manager": keeper})
        found = [(problem.code, problem.where) for problem in defs.check()]
        if serializer in serializers:
            assert found == [("not-storable", "made")]
            with pytest.raises(DefinitionError, match=r"what it says it returns: .*Serializer cannot keep"):
                defs.materialize()
            assert log == []
        else:
            assert found == []


def test_an_annotation_where_it_is_not_known(tmp_path):
    """What config may yet change is not judged before, nor what a container's has changed; ops are judged too."""

    @asset
    def made() -> object:
        return [1]

    @op
    def loaded() -> object:
        return [1]

    manager = FilesystemIOManager(base_dir=tmp_path, serializer="json")
    app = ResourceContainer.of({"io_manager": manager})
    pickled = {"io_manager": {"serializer": "pickle"}}
    (tmp_path / "pickled.json").write_text(json.dumps(pickled))
    assert materialize([made], resources=app, config=pickled).success
    assert materialize([made], resources=app, config=tmp_path / "pickled.json").success
    assert materialize([made], resources=app.with_config(pickled)).success
    with pytest.raises(NotStorableError, match="read back as object, it would be refused"):
        materialize([made], resources=app, config={"io_manager": {"base_dir": str(tmp_path)}})

    @job(resource_defs=app)
    def loading():
        loaded()

    assert [problem.where for problem in loading.check()] == ["loaded"]
    assert [problem.code for problem in Definitions([made], resources=app).check()] == ["not-storable"]


def test_an_annotation_that_a_format_of_ones_own_refuses(tmp_path):
    """A serializer of your own says which annotations it never writes; without it none is refused before."""

    class Texts(JsonSerializer):
        def refuses(self, annotation: Any) -> bool:
            return annotation is not str

    @asset
    def text() -> str:
        return "tea"

    resources = {"io_manager": FilesystemIOManager(base_dir=tmp_path, serializer=Texts())}
    assert Definitions([text], resources=resources).materialize().success
    assert [problem.where for problem in Definitions([numbers, text], resources=resources).check()] == ["numbers"]


def test_auto_replaces_files_of_other_formats(tmp_path):
    """When a value is stored in another format than before, the old file goes: there is one value only."""
    store = FilesystemIOManager(base_dir=tmp_path, serializer="auto").create_io_manager(None)
    context = OutputContext(step_key="x", asset_key=AssetKey("x"))
    for value, name in (([1], "x.json"), ((1,), "x"), ({"a": 1}, "x.json")):
        store.handle_output(context, value)
        assert files(tmp_path) == [name]
        assert store.load_input(InputContext(name="x", upstream_output=context)) == value


def test_a_format_of_ones_own(tmp_path):
    """A `Serializer` of your own writes what it accepts; in a list, the first that accepts a value."""

    class Text(Serializer):
        suffix = ".txt"

        def accepts(self, value: object) -> bool:
            return isinstance(value, str)

        def dump(self, value: Any, file: Any, annotation: Any) -> None:
            file.write(value.encode())

        def load(self, file: Any, annotation: Any) -> Any:
            return file.read().decode()

    @asset
    def words() -> str:
        return "some words"

    @asset
    def length(words: str) -> int:
        return len(words)

    manager = FilesystemIOManager(base_dir=tmp_path, serializer=[Text(), JsonSerializer()])
    assert materialize([words, length], resources={"io_manager": manager}).output_for(length) == 10
    assert files(tmp_path) == ["length.json", "words.txt"]
    for serializer, told in (
        ([Text(), Text()], r"none .* accepts an int; add Pickle"),
        (Text(), "Text cannot write an"),
    ):
        manager = FilesystemIOManager(base_dir=tmp_path, serializer=serializer)
        with pytest.raises(NotStorableError, match=told):
            materialize([words, length], resources={"io_manager": manager})


@pytest.mark.parametrize(
    ("serializer", "words"),
    [("pickel", "did you mean pickle"), ([], "an empty list"), ([5], "list with int"), ([JsonSerializer], "a class")],
)
def test_wrong_serializers(tmp_path, serializer, words):
    """What is no serializer is an error before any step runs."""
    with pytest.raises(DefinitionError, match=words):
        materialize([numbers], resources={"io_manager": FilesystemIOManager(base_dir=tmp_path, serializer=serializer)})


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    """Without pyarrow, Parquet says what to install; `auto` does without it."""
    import resourcekit.definitions.storage.serializers as module

    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(DefinitionError, match=r"pip install 'resourcekit\[parquet\]'"):
        FilesystemIOManager(base_dir=tmp_path, serializer="parquet").create_io_manager(None)
    manager = FilesystemIOManager(base_dir=tmp_path, serializer="auto")
    assert materialize([numbers], resources={"io_manager": manager}).success


def test_pyarrow_tables(tmp_path):
    """pyarrow's tables are stored as Parquet, with their own metadata, and come back equal."""
    pyarrow = pytest.importorskip("pyarrow")
    table = pyarrow.table({"a": [1, 2], "b": ["x", None]}).replace_schema_metadata({b"mine": b"1"})

    @asset
    def frame() -> Any:
        return table

    @asset
    def rows(frame) -> int:
        assert frame.equals(table, check_metadata=True)
        return frame.num_rows

    for serializer in ("parquet", "auto"):
        manager = FilesystemIOManager(base_dir=tmp_path / serializer, serializer=serializer)
        result = materialize([frame], resources={"io_manager": manager})
        assert result.steps["frame"].metadata["path"].endswith("frame.parquet")
        assert pyarrow.parquet.read_table(result.steps["frame"].metadata["path"]).num_rows == 2
    assert materialize([frame, rows], resources={"io_manager": manager}).output_for(rows) == 2
    parquet = FilesystemIOManager(base_dir=tmp_path, serializer="parquet")

    @asset
    def untold():
        return [1, 2]

    with pytest.raises(NotStorableError, match=r"Parquet holds data frames.*not a list"):
        materialize([untold], resources={"io_manager": parquet})
    with pytest.raises(DefinitionError, match=r"ParquetSerializer cannot keep a value of list\[int\]"):
        materialize([numbers], resources={"io_manager": parquet})


def test_data_frames(tmp_path):
    """A data frame comes back as what the parameter is annotated with, else as what was written."""
    pytest.importorskip("pyarrow")
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    import pyarrow

    data = {"a": [1, 2], "b": ["x", "y"]}
    store = FilesystemIOManager(base_dir=tmp_path, serializer="auto").create_io_manager(None)
    context = OutputContext(step_key="x", asset_key=AssetKey("x"))
    kinds = (pandas.DataFrame, polars.DataFrame, pyarrow.Table)
    for written in (pandas.DataFrame(data), polars.DataFrame(data), pyarrow.table(data)):
        store.handle_output(context, written)
        assert files(tmp_path) == ["x.parquet"]
        for wanted in (*kinds, Any):
            found = store.load_input(InputContext(name="x", upstream_output=context, annotation=wanted))
            assert type(found) is (type(written) if wanted is Any else wanted)
    indexed = pandas.DataFrame({"v": [1, 2]}, index=pandas.Index(["r", "s"], name="key"))
    store.handle_output(context, indexed)
    pandas.testing.assert_frame_equal(store.load_input(InputContext(name="x", upstream_output=context)), indexed)
