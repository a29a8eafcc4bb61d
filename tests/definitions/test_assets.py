"""Assets: keys, what they need of one another, which of them are chosen, and what is told of mistakes."""

import functools

import pytest

from resourcekit import (
    AssetKey,
    DefinitionError,
    Definitions,
    FilesystemIOManager,
    MaterializeResult,
    NotStoredError,
    Output,
    StepStateError,
    UnknownKeyError,
    asset,
    materialize,
    op,
)


@asset(group_name="raw")
def orders() -> list[int]:
    """What was ordered."""
    return [3, 4]


@asset
def total(orders: list[int]) -> int:
    return sum(orders)


@asset
def report(total: int, orders: list[int]) -> str:
    return f"{total} in {len(orders)}"


def problems(*assets, **options):
    """What `check` finds, as codes and hints."""
    return [(each.code, each.where, each.hint) for each in Definitions(assets=assets, **options).check()]


def test_values_flow_by_parameter_name():
    """A parameter that is called like an asset takes its value."""
    result = materialize([report, total, orders])
    assert result.success
    assert result.output_for(report) == "7 in 2"
    assert list(result.steps) == ["report", "total", "orders"]


def test_an_asset_is_the_function_it_decorates():
    """An asset keeps its function's name, docstring and module, and can be called like it."""
    assert (orders.__name__, orders.__doc__, orders.__module__) == ("orders", "What was ordered.", __name__)
    assert orders.description == "What was ordered."
    assert total([1, 2]) == 3
    assert report(total=3, orders=[1]) == "3 in 1"
    assert repr(total) == "<asset 'total'>"


def test_keys_have_parts():
    """`key_prefix` and `key` say where an asset stands; AssetKey reads and writes slashes."""

    @asset(key_prefix=["shop", "daily"], name="orders")
    def load(): ...

    @asset(key="a/b")
    def whole(): ...

    @asset(key=["a", "c/d"])
    def slash(): ...

    assert load.key == AssetKey(["shop", "daily", "orders"])
    assert whole.key.path == ("a", "b")
    assert str(slash.key) == "a/c\\/d"
    assert AssetKey.from_user_string(str(slash.key)) == slash.key
    assert AssetKey("a/b").path == ("a/b",)
    assert AssetKey("a") < AssetKey("b")
    assert repr(whole.key) == "AssetKey('a/b')"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"name": "no dash-es"}, "call it 'no_dash_es'"),
        ({"name": "x", "key": "y"}, "not both"),
        ({"key": 5}, "not an int"),
        ({"key": ""}, "not a str"),
        ({"key_prefix": [""]}, "none of them empty"),
        ({"deps": "orders"}, "deps=\\[...\\]"),
        ({"deps": [len]}, "decorate it with @asset"),
        ({"ins": {"oders": "orders"}}, "did you mean orders"),
        ({"io_manager_key": 5}, "io_manager_key"),
        ({"required_resource_keys": {5}}, "required_resource_keys"),
        ({"retry_policy": 3}, "RetryPolicy\\(max_retries=3\\)"),
    ],
)
def test_wrong_options(options, words):
    """A wrong argument of `asset` is an error at once, which shows the right one."""
    with pytest.raises(DefinitionError, match=words):

        @asset(**options)
        def wrong(orders): ...


def test_what_is_no_function():
    """A class, a value, a generator function, an asset: none can be made an asset."""

    def rows():
        yield 1

    for thing, words in (
        (int, "class int"),
        (3, "not an int"),
        (rows, "yields"),
        (orders, "already"),
        (lambda x, /: x, "take the /"),
    ):
        with pytest.raises(DefinitionError, match=words):
            asset(name="thing")(thing)
    with pytest.raises(DefinitionError, match="write asset"):
        asset(functools.partial(len, "x"))
    assert materialize([asset(name="length")(functools.partial(len, "xy"))]).output_for("length") == 2


def test_the_nearest_name_is_proposed():
    """A misspelt parameter is told with the asset that it may mean, before anything runs."""

    @asset
    def broken(totl: int): ...

    assert problems(orders, total, broken) == [("unknown-input", "broken(totl)", "did you mean total?")]
    with pytest.raises(DefinitionError, match="there is no asset 'totl'") as caught:
        materialize([orders, total, broken])
    assert "test_assets.py" in str(caught.value)
    assert caught.value.problems[0].to_dict()["owner"] == "asset 'broken'"


def test_a_resource_without_annotation():
    """A parameter that is called like a resource, but says nothing, is told how to say it."""

    @asset
    def page(url): ...

    ((code, _, hint),) = problems(page, resources={"url": "x"})
    assert (code, hint) == (
        "unknown-input",
        "there is a resource 'url': annotate the parameter as its class, or as ResourceParam[...]",
    )


def test_a_default_makes_an_input_optional():
    """A parameter with a default needs no asset, and takes the value of one if it is there."""

    @asset
    def limited(limit: int = 10) -> int:
        return limit

    @asset
    def limit() -> int:
        return 5

    assert materialize([limited]).output_for(limited) == 10
    assert materialize([limited, limit]).output_for(limited) == 5


def test_prefixes_near_first():
    """A parameter means the asset of exactly its name, else of the same prefix, else the only one of that name."""

    @asset(key_prefix="a")
    def value() -> str:
        return "a"

    @asset(key_prefix="b", name="value")
    def other() -> str:
        return "b"

    @asset(key_prefix="b")
    def near(value: str) -> str:
        return value

    @asset(key_prefix="c")
    def far(near: str) -> str:
        return near

    result = materialize([value, other, near, far])
    assert result.output_for("b/near") == "b"
    assert result.output_for(far) == "b"

    @asset
    def unclear(value: str): ...

    ((code, _, hint),) = problems(value, other, unclear)
    assert (code, hint) == ("unknown-input", "say which, as in ins={'value': 'a/value'}")


def test_ins_and_deps():
    """`ins` renames, `deps` only orders; both take assets, keys and text, and a wrong one is told."""
    done = []

    @asset(key_prefix="shop")
    def first() -> int:
        done.append("first")
        return 1

    @asset(ins={"number": first}, deps=["shop/first", first])
    def second(number: int) -> int:
        done.append("second")
        return number + 1

    @asset(deps=[AssetKey("second")])
    def third() -> None:
        done.append("third")

    assert materialize([third, second, first]).output_for(second) == 2
    assert done == ["first", "second", "third"]

    @asset(ins={"number": "shop/frist"}, deps=["scond"])
    def wrong(number): ...

    assert problems(first, second, wrong) == [
        ("unknown-input", "wrong(number)", "did you mean shop/first?"),
        ("unknown-input", "wrong", "did you mean second?"),
    ]


def test_an_asset_that_needs_itself():
    """An asset that takes or names itself is told so, with what to write."""

    @asset
    def orders(orders: list[int]): ...

    way = "call the parameter like what it takes, or say which asset that is, ins={'orders': ...}"
    assert problems(orders) == [("step-cycle", "orders(orders)", way)]
    with pytest.raises(DefinitionError, match=r"orders\(orders\): needs itself"):
        materialize([orders])

    @asset(deps=["self"], ins={"own": "self"})
    def self(own): ...

    assert problems(self) == [("step-cycle", "self", "take it out of its own deps and ins")]


@pytest.mark.parametrize("given", [orders, "orders", {"orders": orders}, 5])
def test_assets_come_in_a_list(given):
    """One asset that is in no list, and what is no list at all, is told so, as in Dagster."""
    for place, call in (
        (r"Definitions\(assets=...\)", lambda: Definitions(assets=given)),
        (r"materialize\(\)", lambda: materialize(given)),
        (r"Definitions\(jobs=...\)", lambda: Definitions(jobs=given)),
    ):
        with pytest.raises(DefinitionError, match=rf"{place} wants a list of (assets|jobs), not an? .*: write \["):
            call()


def test_cycles_are_drawn():
    """Assets that need one another are told with the path, from the first declared."""

    @asset
    def b(a): ...

    @asset
    def a(c): ...

    @asset
    def c(b): ...

    with pytest.raises(DefinitionError, match="b: needs itself: b -> a -> c -> b"):
        materialize([b, a, c])


def test_an_asset_may_be_called_like_its_own_parameter():
    """A parameter of its own name is another asset of that name, never itself."""

    @asset(key_prefix="raw", name="orders")
    def raw() -> int:
        return 1

    @asset(key_prefix="clean", name="orders")
    def clean(orders: int) -> int:
        return orders + 1

    assert materialize([raw, clean]).output_for(clean) == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([orders, 5], "not an int"),
        ([len], "len is a plain function: decorate it"),
        ([int], "int is a class"),
        (orders, "write \\[orders\\]"),
        ([op(name="load")(lambda: 1)], "ops run in a job"),
        ([orders, asset(name="orders")(lambda: 1)], "two assets with the key 'orders'"),
    ],
)
def test_what_is_no_list_of_assets(given, words):
    """What is no asset is refused with the right spelling; so are two of one key."""
    with pytest.raises(DefinitionError, match=words):
        materialize(given)


def test_the_same_asset_twice():
    """An asset that is given twice is one."""
    assert len(materialize([orders, orders]).steps) == 1


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (None, ["orders", "total", "report"]),
        ("total", ["total"]),
        (total, ["total"]),
        (AssetKey("total"), ["total"]),
        ([report, "orders"], ["orders", "report"]),
        ("*total", ["orders", "total"]),
        ("total*", ["total", "report"]),
        ("+report", ["orders", "total", "report"]),
        ("+total+", ["orders", "total", "report"]),
        ("++report", ["orders", "total", "report"]),
        ("orders+", ["orders", "total", "report"]),
        ("*", ["orders", "total", "report"]),
        ("group:raw", ["orders"]),
        ([], []),
    ],
)
def test_selection(selection, chosen):
    """A selection names assets, with what they need or what needs them; the rest is loaded from where it is kept."""
    from resourcekit import InMemoryIOManager

    memory = InMemoryIOManager()
    materialize([orders, total, report], resources={"io_manager": memory})
    result = materialize([orders, total, report], selection=selection, resources={"io_manager": memory})
    assert list(result.steps) == chosen


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        ("reprt", "did you mean report"),
        ("orders, report", r"write a list, \['orders', 'report'\]"),
        (5, "selection wants a list of assets or their names, not an int"),
        ("group:rw", "did you mean raw"),
        ("a**b", "cannot be read"),
        ([5], "not an int"),
        (asset(name="strange")(lambda: 1), "no step 'strange'"),
        (op(name="load")(lambda: 1), "no step 'load'"),
    ],
)
def test_wrong_selections(selection, words):
    """A selection of what is not there is an error with the nearest name."""
    with pytest.raises(DefinitionError, match=words):
        materialize([orders, total, report], selection=selection)


def test_what_was_not_kept():
    """Without an IO manager that stores, a chosen asset cannot take the value of one that is not chosen."""
    with pytest.raises(NotStoredError, match="asset 'orders' is not stored") as caught:
        materialize([orders, total], selection="total")
    assert isinstance(caught.value, FileNotFoundError)
    assert any("asset 'total' failed" in note for note in caught.value.__notes__)


def test_output_and_metadata():
    """`Output` gives a value with metadata; `MaterializeResult` may give metadata alone; the context adds to both."""

    @asset
    def counted() -> Output[int]:
        return Output(2, metadata={"rows": 2})

    @asset
    def stored_elsewhere():
        return MaterializeResult(metadata={"rows": 3})

    @asset
    def both(context):
        context.add_output_metadata({"a": 1})
        return MaterializeResult(value=5)

    result = materialize([counted, stored_elsewhere, both])
    assert result.output_for(counted) == 2
    assert [dict(step.metadata) for step in result.steps.values()] == [{"rows": 2}, {"rows": 3}, {"a": 1}]
    assert [step.gives_value for step in result.steps.values()] == [True, False, True]
    assert result.output_for(stored_elsewhere) is None
    assert result.output_for(both) == 5


def test_no_value():
    """An asset that says it returns None keeps nothing; one that takes its value is told so beforehand."""

    @asset
    def clean() -> None: ...

    @asset(deps=[clean])
    def after() -> int:
        return 1

    @asset
    def wrong(clean): ...

    assert materialize([clean, after]).output_for(clean) is None
    assert problems(clean, wrong) == [
        ("no-value", "wrong(clean)", "let it return one; or only wait for it, deps=[clean]")
    ]


def test_outputs_are_asked_by_asset_name_or_key():
    """`output_for` takes the asset, its name and its key, and proposes the nearest; `output_for_node` is Dagster's."""
    result = materialize([orders])
    assert result.output_for(orders) == result.output_for("orders") == result.output_for(AssetKey("orders")) == [3, 4]
    assert result.output_for_node("orders") == [3, 4]
    with pytest.raises(UnknownKeyError, match="did you mean orders"):
        result.output_for("oders")


def test_outputs_of_what_failed():
    """The value of an asset that failed or was skipped is an error that says which, and why."""

    @asset
    def fails() -> int:
        raise ValueError("no")

    @asset
    def needs(fails: int): ...

    result = materialize([fails, needs], raise_on_error=False)
    with pytest.raises(StepStateError, match="failed with ValueError: no") as caught:
        result.output_for(fails)
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(StepStateError, match="skipped: it needs fails, which failed"):
        result.output_for(needs)


def test_results_can_be_read():
    """A result prints one line for each asset, and what went wrong, with the place of the asset."""

    @asset
    def fails() -> int:
        raise ValueError("no")

    @asset
    def needs(fails: int): ...

    text = str(materialize([orders, fails, needs], raise_on_error=False, run_id="r1"))
    head, first, second, place, third = text.splitlines()
    assert head == "materialize r1: failed, 1 of 3"
    assert first.startswith("  orders  success in 0.")
    assert second.startswith("  fails  failed in 0.")
    assert second.endswith(": ValueError: no")
    assert place.startswith("      asset 'fails' failed, defined at ")
    assert third == "  needs  skipped: it needs fails, which failed"


def test_annotations_may_be_resolved_later():
    """An annotation may name what is defined below the asset; one that nothing resolves is told."""

    @asset
    def early(orders: "Later") -> "Later":  # noqa: F821
        return orders

    globals()["Later"] = list
    try:
        assert materialize([orders, early]).output_for(early) == [3, 4]
    finally:
        del globals()["Later"]

    @asset
    def never(db: "NoSuchClass"): ...  # noqa: F821

    ((code, _, hint),) = problems(never)
    assert code == "unknown-input"
    assert "import the name at run time" in hint


def test_a_value_of_an_asset_that_says_it_has_none(tmp_path):
    """An asset annotated as returning None that returns something is told so, wherever values are kept."""

    @asset
    def clean() -> None:
        return 5

    for resources in ({}, {"io_manager": FilesystemIOManager(base_dir=tmp_path)}):
        with pytest.raises(DefinitionError, match="asset 'clean' says that it returns None, and returned an int"):
            materialize([clean], resources=resources)


def test_a_value_that_was_not_given():
    """Whoever takes the value of an asset that ran and gave none is told that, and how to wait only."""

    @asset
    def table():
        return MaterializeResult(metadata={"rows": 2})

    @asset
    def count(table): ...

    with pytest.raises(NotStoredError, match=r"it was run, and gave no value: .* only wait for it, deps=\['table'\]"):
        materialize([table, count])
