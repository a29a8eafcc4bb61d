"""Set-up, failure and teardown, in the three worlds: sync, asyncio and trio."""

import asyncio
import logging
import traceback
from contextlib import suppress

import attrs
import pytest
from dependency_injector import providers

from resourcekit import (
    ConfigurableResource,
    ConfigurableResourceFactory,
    DefinitionError,
    ResourceContainer,
    RunStateError,
    TeardownError,
    open_resource,
)
from tests.worlds import WORLDS, in_world, run_in

TRACE: list[object] = []
FAIL: dict[str, BaseException] = {}


@pytest.fixture(autouse=True)
def fresh():
    """Every test begins with nothing done and nothing that fails."""
    TRACE.clear()
    FAIL.clear()


@pytest.fixture(params=WORLDS)
def world(request):
    """Each of the three worlds."""
    return request.param


def did(entry):
    """Note what happened; fail where the test said so."""
    TRACE.append(entry)
    if entry in FAIL:
        raise FAIL[entry]


class Hooked(ConfigurableResource):
    """Has a setup and a teardown hook."""

    needs: object = None

    def setup_for_execution(self, context):
        did(f"+{context.key}")

    def teardown_after_execution(self, context):
        TRACE.append((context.key, type(context.exception).__name__))
        did(f"-{context.key}")


class Generated(ConfigurableResource):
    """Is set up and torn down by one generator."""

    needs: object = None

    def yield_for_execution(self, context):
        did(f"+{context.key}")
        try:
            yield self
        except BaseException as error:
            TRACE.append((context.key, type(error).__name__))
            did(f"-{context.key}")
            raise
        else:
            TRACE.append((context.key, "NoneType"))
            did(f"-{context.key}")


class Vending(ConfigurableResourceFactory[str]):
    """Vends by a generator, and has setup and teardown hooks of its own."""

    def setup_for_execution(self, context):
        did(f"+{context.key}")

    def create_resource(self, context):
        did(f"++{context.key}")
        yield "vended"
        did(f"--{context.key}")

    def teardown_after_execution(self, context):
        did(f"-{context.key}")


def three(world, kind=Hooked):
    """A container of three in a row: c needs b needs a."""
    a = in_world(world, kind)()
    b = in_world(world, kind)(needs=a)
    return ResourceContainer.of({"a": a, "b": b, "c": in_world(world, kind)(needs=b)})


def body(_resources):
    """What runs between set-up and teardown."""
    did("body")


def steps():
    """The trace without what hooks heard."""
    return [entry for entry in TRACE if isinstance(entry, str)]


def heard():
    """What each hook heard of the outcome."""
    return [entry for entry in TRACE if isinstance(entry, tuple)]


@pytest.mark.parametrize("kind", [Hooked, Generated])
def test_teardown_is_the_reverse_of_set_up(world, kind):
    """All hooks run, teardown in reverse, and hear that all went well."""
    run = three(world, kind).run()
    assert run_in(world, run, body) is None
    assert steps() == ["+a", "+b", "+c", "body", "-c", "-b", "-a"]
    assert heard() == [("c", "NoneType"), ("b", "NoneType"), ("a", "NoneType")]
    assert (run.report.outcome, run.report.order) == ("success", ["a", "b", "c"])


@pytest.mark.parametrize("kind", [Hooked, Generated])
def test_a_failing_set_up_rolls_back(world, kind):
    """Exactly what was set up is torn down, in reverse; the hook's own error surfaces, with a note of where."""
    FAIL["+c"] = error = LookupError("no such host")
    run = three(world, kind).run("c")
    assert run_in(world, run, body) is error
    assert steps() == ["+a", "+b", "+c", "-b", "-a"]
    assert heard() == [("b", "LookupError"), ("a", "LookupError")]
    (note,) = error.__notes__
    phase = "setup_for_execution" if kind is Hooked else "yield_for_execution"
    assert note.startswith(f"resourcekit: {phase} of 'c' ({kind.__name__}), needed as c, declared at ")
    assert (run.report.outcome, run.report.error, run.report.order) == ("setup failed", error, ["a", "b"])
    assert error.__cause__ is error.__context__ is None


def test_the_note_names_the_path(world):
    """The note on an error has the keys that lead to the resource, from the one that was asked for."""
    FAIL["+a"] = error = LookupError()
    run_in(world, three(world).run("c"), body)
    assert "setup_for_execution of 'a' (Hooked), needed as c -> b -> a" in error.__notes__[0]


def test_the_same_error_object_has_the_same_note_once(world):
    """An error object that is raised again in another run is not noted again."""
    FAIL["+a"] = error = LookupError()
    app = three(world)
    for _ in range(2):
        assert run_in(world, app.run(), body) is error
    assert len(error.__notes__) == 1


def test_errors_of_roll_back_are_attached(world):
    """When a rollback fails too, the set-up's error stays the one, with the others attached."""
    FAIL["+c"] = error = LookupError()
    FAIL["-b"] = ValueError("b")
    run = three(world).run()
    assert run_in(world, run, body) is error
    assert steps()[-2:] == ["-b", "-a"]
    assert error.teardown_errors.exceptions == (FAIL["-b"],)
    assert run.report.outcome == "setup failed"


@pytest.mark.parametrize("kind", [Hooked, Generated])
def test_every_teardown_runs(world, kind):
    """Whatever others did, each teardown runs; their errors come as one group, in order, with notes."""
    FAIL.update({"-a": KeyError("a"), "-c": ValueError("c")})
    run = three(world, kind).run()
    error = run_in(world, run, body)
    assert type(error) is TeardownError
    assert error.exceptions == (FAIL["-c"], FAIL["-a"])
    assert steps()[-3:] == ["-c", "-b", "-a"]
    assert heard()[-1] == ("a", "NoneType")
    assert "of 'c'" in error.exceptions[0].__notes__[0]
    assert (run.report.outcome, run.report.teardown_errors) == ("teardown failed", error.exceptions)
    assert error.__cause__ is error.__context__ is None


@pytest.mark.parametrize("kind", [Hooked, Generated])
def test_the_bodys_error_stays_primary(world, kind, caplog):
    """The body's error surfaces as it is; teardown errors are attached, told in one note, and logged."""
    FAIL.update({"body": LookupError("gone"), "-b": ValueError("b"), "-a": KeyError("a")})
    run = three(world, kind).run()
    error = run_in(world, run, body)
    assert error is FAIL["body"]
    assert heard() == [("c", "LookupError"), ("b", "LookupError"), ("a", "LookupError")]
    assert error.teardown_errors.exceptions == (FAIL["-b"], FAIL["-a"])
    (note,) = error.__notes__
    assert note.startswith("resourcekit: teardown failed as well:\n  ValueError: b\n")
    assert "KeyError: 'a'" in note
    logged = [record.exc_info[1] for record in caplog.records if record.levelno == logging.ERROR]
    assert logged == [FAIL["-b"], FAIL["-a"]]
    assert (run.report.outcome, run.report.error) == ("failed", error)
    assert run.report.teardown_errors == (FAIL["-b"], FAIL["-a"])


def test_nested_runs_have_one_note(world):
    """An error that leaves several runs has one note and one group with the teardown errors of all."""
    FAIL.update({"body": LookupError("gone"), "-a": ValueError("a"), "-x": KeyError("x")})
    outer = ResourceContainer.of({"x": Hooked()})

    def nested(_resources):
        with ResourceContainer.of({"a": Hooked()}).run() as resources:
            body(resources)

    error = run_in(world, outer.run(), nested)
    assert error is FAIL["body"]
    assert error.teardown_errors.exceptions == (FAIL["-a"], FAIL["-x"])
    (note,) = error.__notes__
    assert note.count("teardown failed as well") == 1
    assert "ValueError: a" in note
    assert "KeyError: 'x'" in note


def test_notes_of_the_users_are_kept(world):
    """Notes that the error had before stay on it."""
    FAIL.update({"body": LookupError("gone"), "-a": ValueError("a")})
    FAIL["body"].add_note("mine")
    error = run_in(world, three(world).run(), body)
    assert error.__notes__[0] == "mine"
    assert len(error.__notes__) == 2


class Slotted(Exception):
    __slots__ = ("code",)


class Silent(Exception):
    def __str__(self):
        raise RuntimeError("no text")


@attrs.frozen
class FrozenError(Exception):
    """As attrs makes them."""

    code: int


class Refusing(Exception):
    def __setattr__(self, name, item):
        raise RuntimeError("not to be set")


class Stubborn(Exception):
    """Refuses by properties, which nothing gets past."""

    @property
    def teardown_errors(self):
        raise RuntimeError("not to be read")

    @property
    def __notes__(self):
        return None


@pytest.mark.parametrize("kind", [Slotted, Silent, FrozenError, Refusing, Stubborn, StopIteration])
@pytest.mark.parametrize("place", ["+b", "body", "-b"])
def test_awkward_exceptions(place, kind):
    """Exceptions with slots, without text, frozen or refusing attributes surface as they are, nothing is skipped."""
    error = kind(3)
    FAIL.update({place: error, "-a": ValueError("a")})
    run = three("sync").run()
    surfaced = run_in("sync", run, body)
    assert steps()[-1] == "-a"
    assert (surfaced.exceptions[0] if place == "-b" else surfaced) is error
    assert ValueError in {type(each) for each in run.report.teardown_errors}
    if kind is not Stubborn:
        assert any("ValueError: a" in note or "of 'b'" in note for note in error.__notes__)
        assert place == "-b" or surfaced.teardown_errors.exceptions == (FAIL["-a"],)
    assert traceback.format_exception(surfaced)


@pytest.mark.parametrize("kind", [Hooked, Generated])
@pytest.mark.parametrize("stop", [StopIteration, StopAsyncIteration])
@pytest.mark.parametrize("place", ["body", "-b", "+c"])
def test_stop_iteration_ends_no_run_early(world, stop, kind, place):
    """StopIteration of a body or hook is an error like others: Python may wrap it, nothing is lost or skipped."""
    FAIL[place] = stop(1)
    error = run_in(world, three(world, kind).run(), body)
    assert steps()[-2:] == ["-b", "-a"]
    if world == "sync" and (kind is Hooked or place == "body"):
        assert FAIL[place] in (error, *getattr(error, "exceptions", ()))
    chain = [error, *getattr(error, "exceptions", ())]
    assert any(FAIL[place] in (each, each.__cause__) for each in chain)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
class TestExit:
    """Ctrl-C and exit, anywhere."""

    @pytest.fixture
    def stop(self, kind):
        """What is raised."""
        return kind(3)

    def test_in_the_body(self, stop):
        """From the body, the teardown runs and hears, then it goes on as it is."""
        FAIL["body"] = stop
        assert run_in("sync", three("sync").run(), body) is stop
        assert heard() == [(key, type(stop).__name__) for key in "cba"]

    def test_in_a_set_up(self, stop):
        """From a set-up hook, what is up is torn down first."""
        FAIL["+c"] = stop
        assert run_in("sync", three("sync").run(), body) is stop
        assert steps() == ["+a", "+b", "+c", "-b", "-a"]

    @pytest.mark.parametrize("primary", [None, LookupError, GeneratorExit])
    def test_in_a_teardown(self, stop, primary, caplog):
        """From a teardown hook, the rest run; then it is raised, with the other errors attached and logged."""
        FAIL.update({"-c": KeyError("c"), "-b": stop, "-a": ValueError("a")})
        if primary is not None:
            FAIL["body"] = primary = primary("body")
        run = three("sync").run()
        assert run_in("sync", run, body) is stop
        assert steps()[-3:] == ["-c", "-b", "-a"]
        assert stop.teardown_errors.exceptions[-2:] == (FAIL["-c"], FAIL["-a"])
        assert stop.__context__ is primary
        assert run.report.teardown_errors == (FAIL["-c"], stop, FAIL["-a"])
        assert len(caplog.records) == 2

    def test_in_a_roll_back(self, stop):
        """From a teardown after a failing set-up, it is raised, and the set-up's error is its context."""
        FAIL.update({"+c": LookupError(), "-b": stop})
        assert run_in("sync", three("sync").run(), body) is stop
        assert stop.__context__ is FAIL["+c"]
        assert steps()[-1] == "-a"

    def test_it_weighs_more_than_cancellation(self, stop):
        """Of an exit and a cancellation, the exit surfaces, wherever it comes from."""
        FAIL.update({"body": asyncio.CancelledError(), "-b": stop})
        assert run_in("sync", three("sync").run(), body) is stop
        FAIL.update({"body": stop, "-b": asyncio.CancelledError()})
        assert run_in("sync", three("sync").run(), body) is stop


def test_a_cancellation_in_a_teardown_weighs_more_than_an_error():
    """A cancellation from a teardown hook goes on, with the body's error as its context."""
    FAIL.update({"body": LookupError(), "-c": ValueError("c"), "-b": asyncio.CancelledError()})
    assert run_in("sync", three("sync").run(), body) is FAIL["-b"]
    assert FAIL["-b"].__context__ is FAIL["body"]
    assert FAIL["-b"].teardown_errors.exceptions == (FAIL["-c"],)


def test_a_resource_cannot_swallow_the_error(world):
    """A generator that catches the body's exception, and a manager that says it handled it, change nothing."""

    class Swallowing(ConfigurableResource):
        def yield_for_execution(self, context):
            try:
                yield self
            except LookupError:
                TRACE.append("caught")

    class Manager:
        def __enter__(self):
            return self

        def __exit__(self, *_outcome):
            return True

    class Given(ConfigurableResource):
        def yield_for_execution(self):
            return Manager()

    FAIL["body"] = LookupError()
    app = ResourceContainer.of({"a": in_world(world, Swallowing)(), "b": Given(), "c": Hooked()})
    assert run_in(world, app.run(), body) is FAIL["body"]
    assert "caught" in TRACE
    assert heard() == [("c", "LookupError")]


def test_a_manager_that_raises_the_bodys_error_again(world):
    """A context manager that raises what it was given, instead of letting it pass, adds no teardown error."""

    class Manager:
        def __enter__(self):
            return "given"

        def __exit__(self, kind, error, trace):
            if error is not None:
                raise error

    class Given(ConfigurableResource):
        def yield_for_execution(self):
            return Manager()

    FAIL["body"] = LookupError()
    run = ResourceContainer.of({"a": Given()}).run()
    assert run_in(world, run, body) is FAIL["body"]
    assert run.report.teardown_errors == ()


@pytest.mark.parametrize("report", [True, False])
@pytest.mark.parametrize("name", ["__enter__", "__exit__"])
def test_a_manager_that_cannot_be_looked_at(name, report):
    """A context manager whose own methods cannot be read is a set-up error; what is up is torn down."""

    class Broken:
        __enter__ = __exit__ = lambda self, *_outcome: TRACE.append("entered")

    def refuse(_self):
        raise LookupError(name)

    setattr(Broken, name, property(refuse))

    class Given(ConfigurableResource):
        def yield_for_execution(self):
            return Broken()

    error = run_in("sync", ResourceContainer.of({"a": Hooked(), "given": Given()}).run(report=report), body)
    assert isinstance(error, LookupError)
    assert "set-up of 'given' (Given)" in error.__notes__[0]
    assert steps() == ["+a", "-a"]


@pytest.mark.parametrize("place", [None, "body"])
def test_a_second_yield_is_an_error(world, place):
    """A generator that goes on after its one yield is an error, and the others are torn down all the same."""

    class Twice(ConfigurableResource):
        def yield_for_execution(self, context):
            with suppress(LookupError):
                yield self
            yield self

    if place:
        FAIL[place] = LookupError()
    run = ResourceContainer.of({"a": Hooked(), "twice": in_world(world, Twice)()}).run()
    error = run_in(world, run, body)
    assert error is FAIL[place] if place else isinstance(error, TeardownError)
    (found,) = run.report.teardown_errors
    assert isinstance(found, RuntimeError)
    assert "didn't stop" in str(found)
    assert "of 'twice' (Twice)" in found.__notes__[0]
    assert steps()[-1] == "-a"


def test_a_generator_that_yields_nothing(world):
    """A generator that never yields is a set-up error that names the resource."""

    class Never(ConfigurableResource):
        def yield_for_execution(self, context):
            if context is None:
                yield self

    app = ResourceContainer.of({"a": Hooked(), "never": in_world(world, Never)()})
    error = run_in(world, app.run(), body)
    assert isinstance(error, RuntimeError)
    assert "of 'never' (Never)" in error.__notes__[0]
    assert steps() == ["+a", "-a"]


def test_a_hook_that_promises_a_manager_and_gives_none(world):
    """`yield_for_execution` that returns something else is told to yield or to return a context manager."""

    class Wrong(ConfigurableResource):
        def yield_for_execution(self, context):
            return "text"

    error = run_in(world, open_resource(in_world(world, Wrong)()), body)
    assert isinstance(error, DefinitionError)
    assert str(error).startswith("Wrong.yield_for_execution gave a str; make it a generator")


def test_a_bare_yield_gives_the_resource(world):
    """A generator that yields nothing in particular hands out the resource itself."""

    class Bare(ConfigurableResource):
        def yield_for_execution(self, context):
            yield

    given = run_in(world, open_resource(in_world(world, Bare)()), lambda bare: bare)
    assert type(given).__name__ == "Bare"


def test_a_factory_with_hooks(world):
    """Set-up, creation, clean-up after the yield, teardown: in this order, and users receive what was yielded."""
    app = ResourceContainer.of({"v": in_world(world, Vending)()})
    assert run_in(world, app.run(), lambda resources: resources.v) == "vended"
    assert steps() == ["+v", "++v", "--v", "-v"]


def test_a_factory_that_fails_to_create(world):
    """When creation fails after set-up, the teardown hook runs."""
    FAIL["++v"] = LookupError()
    app = ResourceContainer.of({"v": in_world(world, Vending)()})
    assert run_in(world, app.run(), body) is FAIL["++v"]
    assert "create_resource of 'v'" in FAIL["++v"].__notes__[0]
    assert steps() == ["+v", "++v", "-v"]


def test_what_a_provider_raises_names_the_resource(world):
    """An error of a provider that a field asks is an error of that resource, and rolls back."""

    def refuse():
        raise LookupError("no")

    app = ResourceContainer.of({"a": Hooked(), "b": Hooked(needs=providers.Callable(refuse))})
    error = run_in(world, app.run(), body)
    assert isinstance(error, LookupError)
    assert "construct of 'b'" in error.__notes__[0]
    assert steps() == ["+a", "-a"]


def test_a_provider_that_gives_an_awaitable(world):
    """A coroutine from a provider is awaited in an async run, refused in a sync one."""

    async def connect():
        return "connected"

    app = ResourceContainer.of({"a": Hooked(), "b": Hooked(needs=providers.Callable(connect))})
    found = run_in(world, app.run(), lambda resources: resources.b.needs)
    if world != "sync":
        assert found == "connected"
        return
    assert isinstance(found, RunStateError)
    assert str(found) == "construct of 'b' gave an awaitable, and the run is sync; open it with `async with`"
    assert steps() == ["+a", "-a"]


def test_a_sync_hook_that_gives_another_awaitable():
    """A hook that returns an awaitable object where nobody can await it is refused."""

    class Later:
        def __await__(self):
            yield

    class Wrong(ConfigurableResource):
        def setup_for_execution(self):
            return Later()

    error = run_in("sync", open_resource(Wrong()), body)
    assert isinstance(error, RunStateError)


class Both:
    """A manager that can be entered either way."""

    def __enter__(self):
        return "sync"

    def __exit__(self, *_outcome):
        TRACE.append("left")

    async def __aenter__(self):
        return "async"

    async def __aexit__(self, *_outcome):
        TRACE.append("left")


class AsyncOnly:
    """A manager for async runs."""

    __aenter__ = Both.__aenter__
    __aexit__ = Both.__aexit__


@pytest.mark.parametrize("manager", [Both, AsyncOnly])
def test_managers_are_entered_the_runs_way(world, manager):
    """A manager with both forms is entered in the run's own; one that is async only is refused in a sync run."""

    class Given(ConfigurableResource):
        def yield_for_execution(self):
            return manager()

    found = run_in(world, open_resource(Given()), lambda given: given)
    if world == "sync" and manager is AsyncOnly:
        assert isinstance(found, RunStateError)
        assert TRACE == []
    else:
        assert found == ("sync" if world == "sync" else "async")
        assert TRACE == ["left"]


def test_a_closed_generator_loses_no_teardown_error():
    """Where a run stands in a generator that is closed, hooks hear of it and teardown errors come out of close()."""

    def rows():
        with three("sync").run():
            yield 1

    generator = rows()
    next(generator)
    generator.close()
    assert heard() == [(key, "GeneratorExit") for key in "cba"]
    FAIL["-b"] = ValueError("b")
    generator = rows()
    next(generator)
    with pytest.raises(TeardownError) as caught:
        generator.close()
    assert caught.value.exceptions == (FAIL["-b"],)
    assert isinstance(caught.value.__context__, GeneratorExit)


def test_a_traceback_shows_the_users_frames_and_few_of_ours():
    """Between the user's `with` and the user's hook stand a handful of frames."""
    FAIL["+a"] = LookupError()
    error = run_in("sync", three("sync").run(), body)
    names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert names[0] == "main"
    assert names[-2:] == ["setup_for_execution", "did"]
    assert len(names) <= 9


def test_the_private_state_of_a_failing_run_is_not_seen_by_the_next(world):
    """After a failure the same container runs as if nothing had been."""
    app = three(world)
    FAIL["+b"] = LookupError()
    run_in(world, app.run(), body)
    FAIL.clear()
    TRACE.clear()
    assert run_in(world, app.run(), body) is None
    assert steps() == ["+a", "+b", "+c", "body", "-c", "-b", "-a"]
