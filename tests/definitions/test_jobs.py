"""Jobs: composing ops, what a job's function may do, and Definitions."""

import inspect

import pytest

import resourcekit
from resourcekit import (
    ConfigurableResource,
    DefinitionError,
    Definitions,
    InMemoryIOManager,
    JobDefinition,
    OpExecutionContext,
    ResourceParam,
    RetryPolicy,
    asset,
    definitions,
    job,
    materialize,
    op,
)


@op
def one() -> int:
    return 1


@op
def add(context: OpExecutionContext, a: int, b: int = 10) -> int:
    assert (context.step, context.op_name) == (context.op_name, context.step)
    return a + b


@op
def gather(values: list[int], word: ResourceParam[str] = "words") -> str:
    return f"{sum(values)} {word}"


@job
def adding():
    """Adds some numbers."""
    first = one()
    second = add(first)
    third = add(a=second, b=first)
    gather([first, second, third, 5])


def test_a_job_composes_ops():
    """Calling ops in a job passes their values on: by position, by name, as defaults, as constants, as lists."""
    result = adding.execute_in_process()
    assert result.output_for("add") == 11
    assert result.output_for("add_2") == 12
    assert result.output_for(gather) == "29 words"
    assert list(result.steps) == ["one", "add", "add_2", "gather"]
    assert adding.execute_in_process(resources={"word": "apples"}).output_for(gather) == "29 apples"
    assert (adding.name, adding.description, adding.__doc__) == ("adding", "Adds some numbers.", "Adds some numbers.")
    assert repr(adding) == "<job 'adding': one, add, add_2, gather>"


def test_the_job_knows_its_name_and_tags():
    """Contexts have the job's name; its tags are joined by those of a call."""

    @op
    def tells(context):
        return context.job_name, dict(context.tags), context.run_id

    @job(name="nightly", tags={"team": "a", "kind": "x"}, description="Tells.")
    def telling():
        tells()

    result = telling.execute_in_process(tags={"kind": "y"}, run_id="r1")
    assert result.output_for(tells) == ("nightly", {"team": "a", "kind": "y"}, "r1")
    assert telling.description == "Tells."


def test_ops_are_functions_outside_of_jobs():
    """Outside of a job an op is its function, with its name and docstring."""
    assert one() == 1
    assert add(OpExecutionContext(step="add"), 1, b=2) == 3
    assert add.__name__ == "add"
    assert gather([1], word="x") == "1 x"


def test_aliases_and_selection():
    """An op may be used under several names, and a part of a job be run."""

    @job
    def twice():
        add(one.alias("first")(), one.alias("second")())

    assert list(twice.execute_in_process().steps) == ["first", "second", "add"]
    assert list(twice.execute_in_process(selection=["first", "second"]).steps) == ["first", "second"]
    with pytest.raises(DefinitionError, match="two ops called 'first'"):

        @job
        def clash():
            one.alias("first")()
            one.alias("first")()

    with pytest.raises(DefinitionError, match="call it 'not_a_name'"):
        one.alias("not a name")


def test_op_options():
    """An op has a name, a description, tags, metadata, a retry policy, and a key for what keeps its value."""
    kept = []

    class Keeps(InMemoryIOManager):
        def handle_output(self, context, obj):
            kept.append((context.get_identifier(), dict(context.definition_metadata), obj))
            super().handle_output(context, obj)

    tries = []

    @op(
        name="load",
        io_manager_key="keeps",
        description="Loads.",
        tags={"a": "b"},
        metadata={"m": 1},
        retry_policy=RetryPolicy(max_retries=1),
    )
    def function() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError
        return 1

    @op
    def after(value: int) -> int:
        return value + 1

    @job(resource_defs={"keeps": Keeps()})
    def loading():
        after(function())

    assert (function.name, function.description, function.options.tags) == ("load", "Loads.", {"a": "b"})
    result = loading.execute_in_process(run_id="r1")
    assert result.output_for(after) == 2
    assert kept == [(("r1", "load", "result"), {"m": 1}, 1)]


def refused(body, words):
    with pytest.raises(DefinitionError, match=words):
        job(name="wrong")(body)


def test_what_a_job_refuses():
    """What does not work in a job is told when the job is made, with the way out."""
    refused(lambda: one(5), "takes 0 values, it was given 1")
    refused(lambda: add(1, c=2), "'c', which is no parameter of it; there is: a, b")
    refused(lambda: add(1, context=2), "'context', which is filled when the job runs")
    refused(lambda: gather([], word="x"), "'word', which is filled")
    refused(lambda: add(1, a=2), "'a' twice")
    refused(lambda: add(one), r"call it, one\(\)")
    refused(lambda: one() + 1, r"calling one\(\) gives a handle")
    refused(lambda: one() if one() else None, "gives a handle")
    refused(lambda: [*one()], "gives a handle")
    refused(lambda: f"{one()}", "gives a handle")
    refused(lambda: one().real, "gives a handle")
    refused(lambda: one() == 1, "gives a handle")
    refused(lambda: asset(name="x")(lambda: 1)(), "a job is made of ops")
    refused(lambda x: None, "takes parameters")
    refused(5, "not an int")

    async def body():
        one()

    refused(body, "is async")
    kept = []

    @job
    def first():
        kept.append(one())
        assert repr(kept[0]) == "<the value of one>"
        assert not hasattr(kept[0], "__array__")  # what libraries probe for

    refused(lambda: add(kept[0]), "the value of another job")
    with pytest.raises(DefinitionError, match="execute_in_process"):
        first()


def test_a_missing_value():
    """A parameter that the job gives no value is told before it runs, with the nearest name there is."""

    @job
    def lacking():
        add()

    (problem,) = lacking.check()
    assert (problem.code, problem.where) == ("unknown-input", "add(a)")
    assert problem.hint == "pass a value where the job calls it, add(a=...)"
    with pytest.raises(DefinitionError, match="job 'lacking' has 1 problem"):
        lacking.execute_in_process()

    @op
    def asks(wrod): ...

    @job(resource_defs={"word": "x"})
    def misspelt():
        asks()

    assert misspelt.check()[0].hint == "did you mean word, a resource?"


def test_a_failing_function_leaves_no_trace():
    """A job whose function fails is not made, and ops called afterwards are functions again."""
    with pytest.raises(ZeroDivisionError):
        job(name="broken")(lambda: 1 / 0)
    assert one() == 1


def test_a_job_without_ops():
    """A job that calls no op runs, and does nothing."""
    result = job(name="nothing")(lambda: None).execute_in_process()
    assert result.success
    assert dict(result.steps) == {}


# Definitions ---------------------------------------------------------------------------------------------------------


class Word(ConfigurableResource):
    text: str = "w"


@asset
def page(word: ResourceParam[str]) -> str:
    return f"<{word}>"


def test_definitions_hold_assets_and_jobs():
    """Assets and jobs of one `Definitions` share its resources."""
    defs = Definitions(assets=[page], jobs=[adding], resources={"word": "x"})
    assert defs.assets == (page,)
    assert (defs.jobs["adding"].__doc__, adding.below) == ("Adds some numbers.", None)
    assert isinstance(defs.jobs["adding"], JobDefinition)
    assert defs.get_job_def("adding").execute_in_process().output_for(gather) == "29 x"
    assert defs.materialize([page]).output_for(page) == "<x>"
    assert defs.check() == ()
    assert repr(defs) == "<Definitions: 1 assets, 1 jobs>"
    with pytest.raises(DefinitionError, match="did you mean adding"):
        defs.get_job_def("addng")


def test_nothing_is_checked_too_early():
    """A missing resource is no error where `Definitions` are made, so that a call may give it; `check` tells of it."""

    @op
    def uses(word: ResourceParam[str]): ...

    @job
    def writing():
        uses()

    defs = Definitions([page], [writing])
    assert [problem.where for problem in defs.check()] == ["page(word)", "uses(word)"]
    assert defs.materialize(resources={"word": "late"}).output_for(page) == "<late>"
    assert Definitions(None, None).check() == ()


def test_what_definitions_refuse():
    """What is no asset or job is refused at once, and so are two of one name."""
    with pytest.raises(DefinitionError, match="wants jobs, not one"):
        Definitions(jobs=[one])
    with pytest.raises(DefinitionError, match="wants assets, and one is an op"):
        Definitions(assets=[one])
    with pytest.raises(DefinitionError, match="two jobs called 'adding'"):
        Definitions(jobs=[adding, job(name="adding")(lambda: None)])
    assert len(Definitions(jobs=[adding, adding]).jobs) == 1


def test_merging():
    """Merged definitions have the parts' assets, jobs and resources; two objects under one key are an error."""
    word = Word()
    first = Definitions([page], resources={"word": word})
    second = Definitions(jobs=[adding], resources={"word": word, "other": 1})
    merged = Definitions.merge(first, second, Definitions([page]))
    assert merged.resources == {"word": word, "other": 1}
    assert (merged.assets, list(merged.jobs)) == ((page,), ["adding"])
    with pytest.raises(DefinitionError, match="key 'word' has two different resources"):
        Definitions.merge(first, Definitions(resources={"word": Word()}))

    class App(resourcekit.ResourceContainer):
        word = resourcekit.value("x")

    shared = Definitions.merge(Definitions([page], resources=App), Definitions(jobs=[adding], resources=App))
    assert shared.materialize().output_for(page) == "<x>"
    with pytest.raises(DefinitionError, match="one container for all"):
        Definitions.merge(first, Definitions(resources=App))
    assert Definitions.merge().resources is None


def test_the_decorator():
    """`@definitions` calls its function once, when it is first asked for; what it gives must be `Definitions`."""
    calls = []

    @definitions
    def shop():
        """The shop."""
        calls.append(1)
        return Definitions([page], resources={"word": "x"})

    assert calls == []
    assert shop() is shop()
    assert (calls, shop.__name__, shop.__doc__) == ([1], "shop", "The shop.")

    @definitions
    def wrong():
        return [page]

    with pytest.raises(DefinitionError, match=r"@definitions wrong gives a list: return Definitions\(...\)"):
        wrong()


def test_the_decorator_and_its_package_share_a_name():
    """`resourcekit.definitions` is the decorator and the package, whichever is used first."""
    import resourcekit.definitions as package

    assert resourcekit.definitions is package
    assert inspect.ismodule(package)
    assert package.asset is asset

    @resourcekit.definitions
    def empty():
        return Definitions()

    assert empty().assets == ()
    assert package.definitions(lambda: Definitions())().assets == ()


def test_load_asset_value():
    """The value that an earlier execution kept is loaded by asset or key; what cannot be loaded says why."""

    @asset(key_prefix="a")
    def answer() -> int:
        return 42

    memory = InMemoryIOManager()
    defs = Definitions([answer], resources={"io_manager": memory})
    with pytest.raises(resourcekit.NotStoredError, match="asset 'a/answer'"):
        defs.load_asset_value(answer)
    defs.materialize()
    assert defs.load_asset_value("a/answer") == defs.load_asset_value(answer) == 42
    assert Definitions([answer]).load_asset_value(answer, resources={"io_manager": memory}) == 42
    with pytest.raises(DefinitionError, match="did you mean a/answer"):
        defs.load_asset_value("a/anwser")
    with pytest.raises(DefinitionError, match="nothing keeps the value of asset 'a/answer'"):
        Definitions([answer]).load_asset_value(answer)


def test_memory_is_of_each_run():
    """Two executions at once of one in-memory IO manager never read one another's values; the last is kept."""
    from anyio import create_task_group, lowlevel, run

    memory = InMemoryIOManager()

    @asset
    async def number(origin: ResourceParam[int]) -> int:
        await lowlevel.checkpoint()
        return origin

    @asset
    async def same(number: int, origin: ResourceParam[int]) -> bool:
        return number == origin

    async def main():
        results = []

        async def one(start):
            resources = {"io_manager": memory, "origin": start}
            results.append(await resourcekit.amaterialize([number, same], resources=resources))

        async with create_task_group() as tasks:
            for start in range(5):
                tasks.start_soon(one, start)
        return results

    assert all(result.output_for(same) for result in run(main))
    assert memory.values["number",] in range(5)
    assert repr(memory) == "InMemoryIOManager()"
    assert (len(memory.values), repr(memory.values)) == (2, "<2 values>")
    del memory.values["same",]
    assert [*memory.values] == [("number",)]
    assert materialize([number, same], selection="same", resources={"io_manager": memory, "origin": -1}).success


def test_an_op_waits_for_one_that_returns_nothing():
    """What an op gives that says it returns None may be passed on: the other waits for it, and is given None."""
    done = []

    @op
    def clean_up() -> None:
        done.append("clean_up")

    @op
    def load(start, both) -> int:
        done.append((start, both))
        return 1

    @job
    def cleaning():
        cleaned = clean_up()
        load(cleaned, [cleaned, 5])

    assert cleaning.execute_in_process().output_for(load) == 1
    assert done == ["clean_up", (None, [None, 5])]
