"""The hooks of a single resource, in every form they may be written, opened without a container."""

import contextlib
import gc
import typing
from collections.abc import AsyncIterator, Iterator

import pytest

from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    DefinitionError,
    EnvVar,
    PlanError,
    ResourceContainer,
    RunContext,
    RunStateError,
    TeardownError,
    field,
    open_resource,
    secret,
)

LOG: list[typing.Any] = []


@pytest.fixture(autouse=True)
def _empty_log() -> None:
    LOG.clear()


class Connection:
    """A vended object that happens to be a context manager itself."""

    def __enter__(self) -> "Connection":
        raise AssertionError("a vended object is not entered")

    def __exit__(self, *error: object) -> None: ...


# --- setup and teardown ---


class WithContext(ConfigurableResource):
    def setup_for_execution(self, context: RunContext) -> None:
        LOG.append(("setup", context.key, context.path, context.scope, context.exception))

    def teardown_after_execution(self, context: RunContext) -> None:
        LOG.append(("teardown", type(context.exception)))


class WithoutContext(ConfigurableResource):
    def setup_for_execution(self) -> None:
        LOG.append("setup")

    def teardown_after_execution(self) -> None:
        LOG.append("teardown")


class AnyArguments(ConfigurableResource):
    def setup_for_execution(self, *args: typing.Any) -> None:
        LOG.append(("setup", type(args[0])))

    @classmethod
    def teardown_after_execution(cls, context: RunContext) -> None:
        LOG.append(("teardown", cls.__name__))


def test_hooks_may_ask_for_the_context_or_not() -> None:
    """A hook with a context parameter gets the RunContext, one without is called without."""
    with open_resource(WithContext()):
        assert LOG == [("setup", "WithContext", ("WithContext",), "run", None)]
    assert LOG[1:] == [("teardown", type(None))]
    LOG.clear()
    with open_resource(WithoutContext()):
        pass
    assert LOG == ["setup", "teardown"]
    LOG.clear()
    with open_resource(AnyArguments()):
        pass
    assert [("setup", RunContext), ("teardown", "AnyArguments")] == LOG


def test_the_context_tells_how_the_run_went() -> None:
    """A teardown reads the body's exception; it cannot swallow it."""
    with pytest.raises(LookupError, match="mine"), open_resource(WithContext()):
        raise LookupError("mine")
    assert LOG[-1] == ("teardown", LookupError)


def test_the_context_has_a_logger_of_its_own() -> None:
    """`context.log` is named after the resource."""
    assert RunContext(key="orders.database").log.name == "resourcekit.orders.database"


def test_the_context_has_the_config_and_the_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """`context.resource_config` has every value as the run has it, `context.resources` what the resource needs."""
    monkeypatch.setenv("HOOK_PASSWORD", "hunter2-of-hooks")

    class Part(ConfigurableResource):
        name: str = "part"

    class Whole(ConfigurableResource):
        part: Part
        password: str = secret()
        size_: int = field(default=3, alias="size")

        def setup_for_execution(self, context: RunContext) -> None:
            self._contexts = [context]

        def teardown_after_execution(self, context: RunContext) -> None:
            assert self._contexts == [context]
            LOG.append(context.resource is self)

    with open_resource(Whole(part=Part(), password=EnvVar("HOOK_PASSWORD"))) as whole:
        (context,) = whole._contexts
        assert context.resource_config == {"password": "hunter2-of-hooks", "size": 3}
        assert vars(context.resources) == {"part": whole.part}
        assert "hunter2-of-hooks" not in f"{context.resource_config} {context.resources} {context}"
    assert LOG == [True]


@pytest.mark.parametrize("report", [False, True], ids=["generated", "machine"])
def test_a_context_may_be_kept(report: bool) -> None:
    """A hook may keep its context in the resource: no garbage is left, and what outlives the run has no resource."""
    kept = []

    class Keeping(ConfigurableResource):
        def setup_for_execution(self, context: RunContext) -> None:
            self._context = context
            kept.append(context)

    container = ResourceContainer.of({"keeping": Keeping()})

    def use() -> None:
        with container.run(report=report) as resources:
            assert resources.keeping._context.resource is resources.keeping

    use()
    gc.collect()
    gc.disable()
    try:
        use()
        assert [context.resource for context in kept] == [None, None]
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_a_context_made_by_hand() -> None:
    """A test may call a hook with a context of its own, with the config of a resource or with none."""
    assert (RunContext(key="api").resource_config, vars(RunContext(key="api").resources)) == ({}, {})
    assert str(RunContext(key="api").resource_config) == "{}"
    assert RunContext(key="api", resource=Sized(size=3)).resource_config == {"size": 3}


class Sized(ConfigurableResource):
    size: int


def test_each_opening_is_a_run_of_its_own() -> None:
    """A resource can be opened again and again; one opening only once."""
    opening = open_resource(WithoutContext())
    with opening as first:
        assert opening.report.order == ["WithoutContext"]
        with pytest.raises(RunStateError), opening:
            pass
    with open_resource(WithoutContext()) as second:
        assert first is not second
    assert LOG == ["setup", "teardown"] * 2
    assert opening.report.outcome == "success"


@pytest.mark.parametrize("wrong", [5, "database", None, WithoutContext, object()])
def test_only_resources_are_opened(wrong: typing.Any) -> None:
    """Anything but a resource, a class above all, is a TypeError."""
    with pytest.raises(TypeError, match=f"open_resource\\(\\) wants a resource, not an? {type(wrong).__name__}"):
        open_resource(wrong)


def test_hooks_that_cannot_be_called() -> None:
    """A hook that wants more than the context is a DefinitionError before anything opens."""

    class More(WithoutContext):
        def teardown_after_execution(self, context: RunContext, how: str) -> None: ...

    class Keyword(WithoutContext):
        def teardown_after_execution(self, *, context: RunContext) -> None: ...

    class Optional(WithoutContext):
        def teardown_after_execution(self, context: RunContext, how: str = "x", *more: str, **options: str) -> None:
            LOG.append(how)

    for cls, wanted in ((More, "how"), (Keyword, "context")):
        with pytest.raises(
            DefinitionError, match=f"teardown_after_execution wants {wanted}: a hook is given the context"
        ):
            open_resource(cls()).__enter__()
    assert LOG == []
    with open_resource(Optional()):
        pass
    assert LOG == ["setup", "x"]


def _yields(self: object) -> Iterator[None]:
    yield


async def _yields_async(self: object) -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize("hook", ["setup_for_execution", "teardown_after_execution"])
@pytest.mark.parametrize(
    "function", [_yields, _yields_async, contextlib.contextmanager(_yields)], ids=["sync", "async", "managed"]
)
def test_setup_and_teardown_do_not_yield(hook: str, function: typing.Any) -> None:
    """A yield in a hook that nobody resumes would lose what follows: the error names the hook that may yield."""
    cls = type("Yielding", (ConfigurableResource,), {hook: function})
    with pytest.raises(DefinitionError, match=rf"Yielding\.{hook} yields.*call it yield_for_execution"):
        open_resource(cls()).__enter__()


# --- factories ---


class Returns(ConfigurableResourceFactory[str]):
    def create_resource(self) -> str:
        return "made"


class Yields(ConfigurableResourceFactory[str]):
    def create_resource(self, context: RunContext) -> Iterator[str]:
        LOG.append(("create", context.key))
        try:
            yield "made"
        except LookupError as error:
            LOG.append(("saw", str(error)))
            raise
        finally:
            LOG.append("clean")


class Managed(ConfigurableResourceFactory[str]):
    @contextlib.contextmanager
    def create_resource(self) -> Iterator[str]:
        LOG.append("create")
        yield "made"
        LOG.append("clean")


class Full(ConfigurableResourceFactory[str]):
    def setup_for_execution(self) -> None:
        LOG.append("setup")

    def create_resource(self) -> Iterator[str]:
        LOG.append("create")
        yield "made"
        LOG.append("clean")

    def teardown_after_execution(self) -> None:
        LOG.append("teardown")


class Vends(ConfigurableResourceFactory[Connection]):
    def create_resource(self) -> Connection:
        return Connection()


class ByHand(ConfigurableResource):
    """No factory by class: create_resource decides."""

    def create_resource(self) -> str:
        return "made"


@pytest.mark.parametrize(
    ("factory", "log"),
    [
        (Returns(), []),
        (ByHand(), []),
        (Yields(), [("create", "Yields"), "clean"]),
        (Managed(), ["create", "clean"]),
        (Full(), ["setup", "create", "clean", "teardown"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_a_factory_vends(factory: ConfigurableResource, log: list[object]) -> None:
    """Users receive the object that create_resource returns or yields; what follows the yield is clean-up."""
    with open_resource(factory) as made:
        assert made == "made"
    assert log == LOG


def test_a_vended_context_manager_is_handed_out_as_it_is() -> None:
    """Only what create_resource promises by being a generator is entered; a connection is not."""
    with open_resource(Vends()) as connection:
        assert isinstance(connection, Connection)


def test_a_generator_hears_of_the_bodys_exception() -> None:
    """The exception is thrown in at the yield, and still surfaces."""
    with pytest.raises(LookupError, match="mine"), open_resource(Yields()):
        raise LookupError("mine")
    assert LOG == [("create", "Yields"), ("saw", "mine"), "clean"]


def test_a_generator_that_yields_nothing_or_twice() -> None:
    """A generator must yield once: none is an error of the setup, a second one of the teardown."""

    class Nothing(ConfigurableResourceFactory[str]):
        def create_resource(self) -> Iterator[str]:
            yield from ()

    class Twice(ConfigurableResourceFactory[str]):
        def create_resource(self) -> Iterator[str]:
            yield "one"
            yield "two"

    with pytest.raises(RuntimeError, match="didn't yield"), open_resource(Nothing()):
        pass
    with pytest.raises(TeardownError) as caught, open_resource(Twice()):
        pass
    assert "didn't stop" in str(caught.value.exceptions[0])


def test_a_factory_without_create_resource_is_abstract() -> None:
    """A factory class that does not say what it makes cannot be constructed."""

    class Unfinished(ConfigurableResourceFactory[str]):
        pass

    with pytest.raises(TypeError, match="create_resource"):
        Unfinished()  # type: ignore[abstract]


# --- yield_for_execution ---


class WholeGenerator(ConfigurableResource):
    def yield_for_execution(self, context: RunContext) -> Iterator["WholeGenerator"]:
        LOG.append("in")
        yield self
        LOG.append("out")


class WholeBare(ConfigurableResource):
    def yield_for_execution(self) -> Iterator[None]:
        LOG.append("in")
        yield
        LOG.append("out")


class WholeManager(ConfigurableResource):
    @contextlib.contextmanager
    def yield_for_execution(self, context: RunContext) -> Iterator["WholeManager"]:
        LOG.append("in")
        yield self
        LOG.append("out")


class WholeReturns(ConfigurableResource):
    def yield_for_execution(self) -> typing.ContextManager[object]:
        LOG.append("in")

        @contextlib.contextmanager
        def manage() -> Iterator[object]:
            yield self
            LOG.append("out")

        return manage()


class WholeWrapping(WithoutContext):
    def yield_for_execution(self, context: RunContext) -> Iterator["WholeWrapping"]:
        LOG.append("in")
        with super().yield_for_execution(context) as resource:
            yield resource
        LOG.append("out")


@pytest.mark.parametrize("cls", [WholeGenerator, WholeBare, WholeManager, WholeReturns])
def test_setup_and_teardown_in_one(cls: type[ConfigurableResource]) -> None:
    """yield_for_execution may be a generator, a context manager, or return one; a bare yield gives the resource."""
    with open_resource(cls()) as resource:
        assert isinstance(resource, cls)
        assert LOG == ["in"]
    assert LOG == ["in", "out"]


def test_yield_for_execution_decides_whether_the_other_hooks_run() -> None:
    """The other hooks run where it wraps super(), and not otherwise; it may give any value."""
    with open_resource(WholeWrapping()):
        pass
    assert LOG == ["in", "setup", "teardown", "out"]
    LOG.clear()

    class Alone(WithoutContext):
        def yield_for_execution(self) -> Iterator[int]:
            yield 5

    with open_resource(Alone()) as value:
        assert value == 5  # type: ignore[comparison-overlap]
    assert LOG == []


def test_a_yield_for_execution_that_is_no_context_manager() -> None:
    """A plain method that returns something else is told what to be."""

    class Wrong(ConfigurableResource):
        def yield_for_execution(self) -> int:
            return 5

    with pytest.raises(DefinitionError, match="make it a generator that yields once"), open_resource(Wrong()):
        pass


# --- async ---


class AsyncHooks(ConfigurableResource):
    async def setup_for_execution(self, context: RunContext) -> None:
        LOG.append("setup")

    async def teardown_after_execution(self) -> None:
        LOG.append("teardown")


class AsyncReturns(ConfigurableResourceFactory[str]):
    async def create_resource(self) -> str:
        LOG.append("create")
        return "made"


class AsyncYields(ConfigurableResourceFactory[str]):
    async def create_resource(self) -> AsyncIterator[str]:
        LOG.append("create")
        yield "made"
        LOG.append("clean")


class AsyncManaged(ConfigurableResourceFactory[str]):
    @contextlib.asynccontextmanager
    async def create_resource(self) -> AsyncIterator[str]:
        LOG.append("create")
        yield "made"
        LOG.append("clean")


class AsyncWhole(ConfigurableResource):
    async def yield_for_execution(self) -> AsyncIterator[str]:
        LOG.append("in")
        yield "made"
        LOG.append("out")


class AsyncWrapping(AsyncHooks):
    async def yield_for_execution(self, context: RunContext) -> AsyncIterator[str]:
        LOG.append("in")
        async with super().yield_for_execution(context):
            yield "made"
        LOG.append("out")


class AsyncHalf(WithoutContext):
    async def teardown_after_execution(self) -> None:
        LOG.append("teardown")

    async def yield_for_execution(self, context: RunContext) -> AsyncIterator[str]:
        async with super().yield_for_execution(context):
            yield "made"


class AsyncOnly(ConfigurableResource):
    async def setup_for_execution(self) -> None:
        LOG.append("setup")

    async def yield_for_execution(self, context: RunContext) -> AsyncIterator[str]:
        async with super().yield_for_execution(context):
            yield "made"


ASYNC = [
    (AsyncHooks, ["setup", "teardown"]),
    (AsyncReturns, ["create"]),
    (AsyncYields, ["create", "clean"]),
    (AsyncManaged, ["create", "clean"]),
    (AsyncWhole, ["in", "out"]),
    (AsyncHalf, ["setup", "teardown"]),
    (AsyncOnly, ["setup"]),
    (AsyncWrapping, ["in", "setup", "teardown", "out"]),
]


@pytest.mark.anyio
@pytest.mark.parametrize(("cls", "log"), ASYNC)
async def test_async_hooks(cls: type[ConfigurableResource], log: list[str]) -> None:
    """Every hook may be async, in each of its forms, on asyncio and trio; the body's exception reaches it."""
    async with open_resource(cls()) as made:
        assert made == "made" or isinstance(made, cls)
    assert log == LOG


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("cls", "log"),
    [
        (WithoutContext, ["setup", "teardown"]),
        (Full, ["setup", "create", "clean", "teardown"]),
        (WholeBare, ["in", "out"]),
    ],
)
async def test_sync_hooks_in_an_async_run(cls: type[ConfigurableResource], log: list[str]) -> None:
    """What is sync works in `async with` as it does in `with`."""
    async with open_resource(cls()):
        pass
    assert log == LOG


@pytest.mark.parametrize(("cls", "log"), ASYNC)
def test_async_hooks_in_a_sync_run(cls: type[ConfigurableResource], log: list[str]) -> None:
    """An async hook in a sync run is refused before anything runs, naming the resource and the hook."""
    with pytest.raises(PlanError) as caught, open_resource(cls()):
        pass
    (problem,) = caught.value.problems
    assert problem.code == "async-in-sync"
    assert cls.__name__ in str(problem)
    assert LOG == []


def test_patched_hooks_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hook that is patched on the class is looked up when it is called."""
    monkeypatch.setattr(WithoutContext, "setup_for_execution", lambda self: LOG.append("patched"))
    with open_resource(WithoutContext()):
        pass
    assert LOG == ["patched", "teardown"]
