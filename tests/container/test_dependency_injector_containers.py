"""What people who come from dependency-injector do with containers: nest, share, name, copy and generate them."""

import copy
import operator
import types

import pytest
from dependency_injector import containers, providers

from resourcekit import ConfigurableResource, DefinitionError, PlanError, ResourceContainer

KINDS = pytest.mark.parametrize("base", [ResourceContainer, containers.DeclarativeContainer])


class Database(ConfigurableResource):
    """A database."""

    host: str = "localhost"


class Orders(ConfigurableResource):
    """Something that needs one."""

    database: Database


def services_of(base):
    """A container class to be nested, of either kind."""

    class Services(base):
        one = providers.Singleton(object)
        settings = providers.Configuration()

    return Services


NESTED = pytest.mark.parametrize(
    "nested",
    [providers.Container, lambda _cls: providers.DependenciesContainer(), lambda cls: providers.Container(cls, one=3)],
)


@KINDS
@NESTED
def test_a_container_instance_that_is_given_for_a_nested_one_is_shared(base, nested):
    """`App(services=services)` uses the objects of *services*, also in what the app makes of them, and in copies."""
    cls = services_of(base)

    class App(ResourceContainer):
        services = nested(cls)
        report = providers.Factory(dict, one=services.one)

    services = cls()
    app = App(services=services)
    assert app.services.one() is services.one()
    assert app.report()["one"] is services.one()
    assert app.with_config({}).services.one() is services.one()
    assert App(services=cls()).services.one() is not services.one()
    later = App()
    if isinstance(later.services, providers.Container):
        later.services = services
        assert later.services.one() is later.with_config({}).services.one() is services.one()
    with app.run() as resources:
        assert resources.report()["one"] is services.one()


@KINDS
@NESTED
def test_what_overrides_a_shared_container_is_seen_by_who_was_given_it(base, nested):
    """An override of a provider of *services* holds in the app it was given to, before and after, until its end."""
    cls = services_of(base)

    class App(ResourceContainer):
        services = nested(cls)
        report = providers.Factory(dict, one=services.one)

    services = cls()
    with services.one.override(1):
        app = App(services=services)
        assert (app.services.one(), app.report()) == (1, {"one": 1})
    with services.one.override(2):
        assert (app.services.one(), app.report()) == (2, {"one": 2})
    services.settings.from_dict({"a": 5})
    assert app.services.settings.a() == 5
    assert App(services=services).services.settings.a() == 5
    assert app.services.one() is services.one()


def test_a_shared_container_of_resources():
    """The resources of a container that was given for a nested one are set up in the app's run, overrides included."""

    class Services(ResourceContainer):
        database = Database()

    class App(ResourceContainer):
        services = providers.Container(Services)
        orders = Orders(database=services.database)

    services = Services(database=Database(host="given"))
    app = App(services=services)
    with app.run() as resources:
        assert resources.orders.database is resources.services.database
        assert resources.orders.database.host == "given"
        assert app.services.database() is resources.services.database
    with services.database.override(Database(host="overridden")), app.run("orders") as resources:
        assert resources.orders.database.host == "overridden"
    with app.override(**{"services.database": Database(host="here")}), app.run("orders") as resources:
        assert resources.orders.database.host == "here"
    with services.run() as resources:
        assert resources.database.host == "given"


@KINDS
def test_a_container_that_is_nested_in_a_shared_one(base):
    """What a shared container nests is shared too; making a second app leaves its overrides as they are."""
    inner = services_of(base)

    class Outer(base):
        inner = providers.Container(services_of(base), one=1)

    class App(ResourceContainer):
        outer = providers.Container(Outer)

    outer = Outer()
    outer.inner.one.override(2)
    assert App(outer=outer).outer.inner.one() == App(outer=outer).outer.inner.one() == outer.inner.one() == 2
    assert inner().one() is not None


def test_a_nested_container_knows_its_parent():
    """`parent` and `parent_name` lead from a nested container to what it is nested in, in copies of it as well."""

    class Inner(ResourceContainer):
        needed = providers.Dependency()

    class Middle(ResourceContainer):
        inner = providers.Container(Inner)

    class App(ResourceContainer):
        middle = providers.Container(Middle)

    app = App()
    for each in (app, app.with_config({}), copy.deepcopy(app)):
        assert each.middle.parent is each
        assert each.middle.container.parent is each.middle
        assert each.middle.inner.container.parent is each.middle.inner
        assert each.middle.inner.needed.parent_name == "App.middle.inner.needed"
        assert each.parent is None


def test_a_plain_provider_may_be_private():
    """`_settings = providers...` works as in dependency-injector; iterating over what a run gives leaves it out."""

    class App(ResourceContainer):
        _settings = providers.Object("eu")
        database = Database(host=_settings)
        _e0 = providers.Object("no name of ours")

    App._late = providers.Object(1)
    app = App()
    app._later = providers.Object(2)
    assert (app._settings(), app._late(), app._later()) == ("eu", 1, 2)
    with app.run() as resources:
        assert resources.database.host == resources._settings() == "eu"
        assert (resources._late(), resources._later(), resources._e0()) == (1, 2, "no name of ours")
        assert list(resources) == [resources.database]
    with app.override(_settings="us"), app.run("database") as resources:
        assert resources.database.host == "us"
    with app._settings.override("uk"), app.run("database") as resources:
        assert resources.database.host == "uk"
    assert ResourceContainer.of({"_one": providers.Object(1)})._one() == 1


@pytest.mark.parametrize("name", ["_kept", "_run", "_asdict", "_assembly"])
def test_private_names_that_are_ours(name):
    """A private provider cannot take the place of what a container or a run has under that name."""
    reason = f"{name!r} cannot be a key, every container has an attribute of that name; call it '{name}_'"
    with pytest.raises(DefinitionError, match=reason):
        setattr(ResourceContainer(), name, providers.Object(1))
    with pytest.raises(DefinitionError, match=reason):
        ResourceContainer.of({name: providers.Object(1)})


def test_a_private_resource_is_refused_on_an_instance_too():
    """`app._database = Database()` would be in no run."""
    app = ResourceContainer()
    with pytest.raises(DefinitionError, match="begins with an underscore; call it 'database'"):
        app._database = Database()


def test_keys_that_a_body_gets_by_update():
    """`vars().update(...)`, `|=` and `setdefault` in a class body do what assignment does: later lines see keys."""

    class App(ResourceContainer):
        vars().update({"first": Database(host="a")}, second=Database(host="b"))
        vars().setdefault("third", Database(host="c"))
        vars().setdefault("third", Database(host="never"))
        vars().__ior__({"fourth": Database(host="d")})
        orders = Orders(database=second)  # noqa: F821

    class Changed(App):
        vars().update(second=Database(host="z"))

    assert [*App.providers] == ["first", "second", "third", "fourth", "orders"]
    with App().run() as resources:
        assert [each.host for each in list(resources)[:4]] == ["a", "b", "c", "d"]
        assert resources.orders.database is resources.second
    with Changed().run() as resources:
        assert resources.orders.database.host == "z"


def test_a_mistake_in_an_update_is_told():
    """What assignment refuses, `update` does."""
    with pytest.raises(DefinitionError, match="'run' cannot be a key"):

        class App(ResourceContainer):
            vars().update(run=Database())


@pytest.mark.parametrize(
    "fill",
    [
        lambda body: body.update(database=Database(host="made")),
        lambda body: body.update([("database", Database(host="made"))]),
        lambda body: body.setdefault("database", Database(host="made")),
        lambda body: operator.ior(body, {"database": Database(host="made")}),
        lambda body: body.__setitem__("database", Database(host="made")),
    ],
)
def test_a_container_class_made_by_new_class(fill):
    """`types.new_class(..., exec_body)` gives a container with keys, and may redefine those of its bases."""

    class Base(ResourceContainer):
        database = Database()
        orders = Orders(database=database)

    made = types.new_class("Made", (ResourceContainer,), {}, fill)
    assert list(made.providers) == ["database"]
    changed = types.new_class("Changed", (Base,), {}, fill)
    with made().run() as resources:
        assert resources.database.host == "made"
    with changed().run() as resources:
        assert resources.orders.database.host == "made"


def test_the_type_of_an_instance_makes_no_empty_container():
    """`type(app)()` says what to write, and that works."""
    app = ResourceContainer.of({"database": Database()})
    with pytest.raises(DefinitionError, match=r"call the container class, Prod\(\), or container.__class__\(\)"):
        type(app)()
    assert list(app.__class__().providers) == ["database"]


def test_an_object_provider_of_a_resource_gets_the_right_hint():
    """`providers.Object(resource)` in a key's place: the hint is to give the resource itself, and that works."""

    class App(ResourceContainer):
        database = Database()
        orders = Orders(database=database)

    class Wrapped(App):
        database = providers.Object(Database())

    app = App()
    hint = r"give the Database itself, Database\(...\) in place of providers.Object\(Database\(...\)\)"
    with app.override(database=providers.Object(Database())), pytest.raises(PlanError, match=hint), app.run():
        pass
    with app.database.override(providers.Object(Database())), pytest.raises(PlanError, match=hint), app.run():
        pass
    with pytest.raises(PlanError, match=hint), Wrapped().run():
        pass
    with app.override(database=Database(host="given")), app.run() as resources:
        assert resources.orders.database.host == "given"
