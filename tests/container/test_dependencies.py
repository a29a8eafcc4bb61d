"""dependency-injector's `Dependency`: what a container is to be given, and what is said when it was not."""

from collections.abc import Callable
from typing import Any

import pytest
from dependency_injector import providers

from resourcekit import ConfigurableResource, PlanError, ResourceContainer, inject, injected


class Counter(ConfigurableResource):
    """Needs a number."""

    number: int


class Given(ResourceContainer):
    """Wants a number."""

    number = providers.Dependency(instance_of=int)
    counter = Counter(number=number)
    pair = providers.Factory(dict, number=number)
    apart = providers.Object(1)


class Nesting(ResourceContainer):
    """Holds one that was given nothing."""

    given = providers.Container(Given)


class Several(ResourceContainer):
    """Wants a whole container."""

    others = providers.DependenciesContainer()
    pair = providers.Factory(dict, number=others.number)


def codes(app: ResourceContainer, *keys: str) -> list[tuple[str, str]]:
    return [(problem.code, problem.where) for problem in app.check(*keys)]


@pytest.mark.parametrize("keys", [(), ("number",), ("counter",), ("pair",), ("apart", "pair")])
def test_a_dependency_that_was_not_given_is_a_problem_of_who_needs_it(keys: tuple[str, ...]) -> None:
    """`check()` finds it, whether a resource, a provider or nobody needs it; and so does a run, before it opens."""
    app = Given()
    assert codes(app, *keys) == [("missing-dependency", "number")]
    with pytest.raises(PlanError, match="given nothing"), app.run(*keys):
        pass
    with pytest.raises(PlanError), app:
        pass


def test_who_does_not_need_it_runs() -> None:
    """Keys that do not need it are fine."""
    assert codes(Given(), "apart") == []
    with Given().run("apart"):
        pass


def test_a_dependency_in_nested_containers_is_found() -> None:
    """In a nested container it is told by its dotted key; one of a DependenciesContainer too."""
    assert codes(Nesting()) == [("missing-dependency", "given.number")]
    assert codes(Nesting(), "given.apart") == []
    assert [code for code, _ in codes(Several())] == ["missing-dependency"]


def overridden() -> ResourceContainer:
    app = Given()
    app.number.override(providers.Object(3))
    return app


def nested() -> ResourceContainer:
    class Outer(ResourceContainer):
        given = providers.Container(Given, number=providers.Object(3))

    return Outer()


def several() -> ResourceContainer:
    return Several(others=Given(number=3))


def defaulting() -> ResourceContainer:
    class Defaulting(Given):
        number = providers.Dependency(instance_of=int, default=3)

    return Defaulting()


@pytest.mark.parametrize(
    "make",
    [lambda: Given(number=3), lambda: Given(number=providers.Object(3)), overridden, nested, several, defaulting],
)
def test_what_was_given_is_no_problem(make: Callable[[], ResourceContainer]) -> None:
    """Given at once, nested, by an override or a default, it is what the container works with."""
    app: Any = make()
    assert codes(app) == []
    with app.run() as resources:
        inner = getattr(resources, "given", resources)
        assert inner.pair() == {"number": 3}


def test_an_override_of_the_container_gives_it() -> None:
    """`override` gives it for a while."""
    app = Given()
    with app.override(number=3), app.run() as resources:
        assert resources.counter.number == 3
    assert codes(app) == [("missing-dependency", "number")]


def test_a_function_that_asks_for_it() -> None:
    """`call` tells it before anything opens."""

    @inject
    def read(number: int = injected()) -> int:
        return number

    with pytest.raises(PlanError, match="given nothing"):
        Given().call(read)
    assert Given(number=4).call(read) == 4
