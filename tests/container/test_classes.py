"""Container classes: what a body does with what is in it, and what redefining a key means."""

from abc import ABC, abstractmethod
from unittest.mock import Mock

import pytest
from dependency_injector import containers, providers
from hypothesis import given
from hypothesis import strategies as st

from resourcekit import (
    ConfigurableResource,
    DefinitionError,
    NotLiveError,
    ResourceContainer,
    ResourceKitError,
    ref,
    value,
)


class Database(ConfigurableResource):
    host: str = "localhost"


class Orders(ConfigurableResource):
    database: Database
    page_size: int = 100


class Report(ConfigurableResource):
    orders: Orders


class Service:
    def __init__(self, database):
        self.database = database


def live(container):
    """Every key's live object of a run, as a dictionary, after the run."""
    with container.run() as resources:
        return {name: getattr(resources, name) for name in dir(resources)}


class Base(ResourceContainer):
    database = Database()
    orders = Orders(database=database)


def test_a_body_wraps_resources_into_providers():
    """A resource in a body is a provider of dependency-injector's, so that later lines can refer to it."""
    assert isinstance(Base.database, providers.Provider)
    assert Base.providers == {"database": Base.database, "orders": Base.orders}
    assert Base.cls_providers == Base.providers
    assert issubclass(Base, containers.DeclarativeContainer)


def test_fields_factories_and_configuration_mix_in_a_body():
    """A field, a Factory's argument and a Configuration option may name each other freely."""

    class App(ResourceContainer):
        config = providers.Configuration()
        database = Database(host=config.host)
        service = providers.Factory(Service, database=database)
        orders = Orders(database=database, page_size=config.page_size.as_int())

    app = App()
    app.config.from_dict({"host": "db-1", "page_size": "7"})
    with app.run() as resources:
        assert resources.orders.database is resources.database
        assert (resources.database.host, resources.orders.page_size) == ("db-1", 7)
        assert resources.service().database is resources.database


def test_one_resource_under_two_keys_is_one_thing():
    """A resource that is assigned twice is live once, under both names."""

    class App(ResourceContainer):
        main = Database()
        replica = main

    found = live(App())
    assert found["main"] is found["replica"]


def test_a_key_that_is_given_another_key_follows_it():
    """`replica = database` means the key: redefined or replaced, it takes the replica along, not the other way."""

    class App(ResourceContainer):
        database = Database(host="base")
        replica = database
        orders = Orders(database=database)

    class Prod(App):
        database = Database(host="prod")

    class Apart(App):
        replica = Database(host="apart")

    class Later(Base):
        replica = Base.database
        database = Database(host="later")

    for cls, hosts in ((App, "base base base"), (Prod, "prod prod prod"), (Apart, "base apart base")):
        found = live(cls())
        assert f"{found['database'].host} {found['replica'].host} {found['orders'].database.host}" == hosts
    found = live(Later())
    assert found["database"] is found["replica"] is found["orders"].database
    with Apart().override(database=Database(host="fake")) as fake:
        assert [each.host for key, each in live(fake).items() if key != "orders"] == ["fake", "apart"]
    with App().override(replica=Database(host="fake")) as fake:
        assert live(fake)["orders"].database.host == "base"
        assert live(fake)["replica"].host == "fake"


def test_a_name_that_a_body_assigns_twice():
    """What a later line of the body redefines is redefined for the lines before it as well."""

    class App(ResourceContainer):
        database = Database(host="first")
        orders = Orders(database=database)
        database = Database(host="second")

    found = live(App())
    assert found["orders"].database is found["database"]
    assert found["database"].host == "second"


def test_a_class_made_without_a_body():
    """`type(Base)("Prod", (Base,), {...})` wraps what it is given as a body does."""
    made = type(Base)("Prod", (Base,), {"database": Database(host="made"), "limit": 3})
    assert live(made())["orders"].database.host == "made"
    assert made().limit == 3


def test_value_makes_a_plain_value_a_key():
    """What is not a resource becomes a key with `value`; without it, it is an ordinary class attribute."""

    class App(ResourceContainer):
        url = value("https://example.com")
        retries = 3
        _private = 4

    assert list(App.providers) == ["url"]
    assert live(App()) == {"url": "https://example.com"}
    assert (App.retries, App().retries, App._private) == (3, 3, 4)


def test_values_are_not_shown_by_their_providers():
    """A plain value may be a secret: the provider of one does not show it."""

    class App(ResourceContainer):
        token = value("hunter2")

    assert "hunter2" not in f"{App.token} {App.token!r} {App()!r} {App().plan()}"


def test_the_inherited_uses_what_a_subclass_redefines():
    """A redefined key takes the inherited one's place wherever it is referred to; the base stays as it was."""

    class Prod(Base):
        database = Database(host="db-1")

    class Reporting(Prod):
        report = Report(orders=Base.orders)

    found = live(Reporting())
    assert found["report"].orders.database is found["database"]
    assert found["database"].host == "db-1"
    assert live(Base())["orders"].database.host == "localhost"


def test_an_inherited_key_is_named_by_its_class_or_by_ref():
    """`Base.database` and `ref("database")` both mean this container's own `database`."""

    class Prod(Base):
        database = Database(host="db-1")
        by_class = Orders(database=Base.database)
        by_name = Orders(database=ref("database"))

    found = live(Prod())
    assert found["by_class"].database is found["by_name"].database is found["database"]


def test_every_provider_of_the_mro_means_the_key():
    """A reference to any provider that a class of the MRO had under a key means this container's."""

    class Middle(Base):
        database = Database(host="middle")
        middle = Orders(database=database)

    class Last(Middle):
        database = Database(host="last")
        from_base = Orders(database=Base.database)
        from_middle = Orders(database=Middle.database)

    found = live(Last())
    assert {found[key].database for key in ("orders", "middle", "from_base", "from_middle")} == {found["database"]}


def test_plain_providers_are_rebound_too():
    """A Factory that was given an inherited key gets this container's; a redefined Factory takes its key's place."""

    class Old(ResourceContainer):
        database = Database()
        service = providers.Factory(Service, database=database)
        services = providers.List(service)

    class New(Old):
        database = Database(host="new")

    class Newer(New):
        service = providers.Factory(Service, database="none")

    with New().run() as resources:
        assert resources.service().database is resources.services()[0].database is resources.database
    with Newer().run() as resources:
        assert resources.services()[0].database == "none"


def test_a_resource_takes_the_place_of_a_plain_provider_and_the_other_way_round():
    """A key may change from a plain provider to a resource and back: who uses it gets what it gives now."""

    class Plain(ResourceContainer):
        database = providers.Factory(Database, host="made")
        orders = Orders(database=database)

    class Ours(Plain):
        database = Database(host="declared")

    class Again(Ours):
        database = providers.Factory(Database, host="again")

    assert [live(each())["orders"].database.host for each in (Plain, Ours, Again)] == ["made", "declared", "again"]


def test_resources_nested_inline_are_rebound():
    """What is nested without a key of its own refers to this container's keys like any other."""

    class App(ResourceContainer):
        database = Database()
        report = Report(orders=Orders(database=database))

    class Prod(App):
        database = Database(host="db-1")

    assert live(Prod())["report"].orders.database.host == "db-1"


def test_a_resource_made_outside_may_be_referred_to_by_itself():
    """A declaration that is a key may be given to a field as it is: it means that key."""
    database = Database(host="outside")

    class App(ResourceContainer):
        orders = Orders(database=database)
        main = database

    class Prod(App):
        main = Database(host="db-1")

    found = live(App())
    assert found["orders"].database is found["main"]
    assert live(Prod())["orders"].database.host == "db-1"


def test_the_first_class_of_the_mro_wins():
    """With several bases the first that defines a key wins, in attributes and in `.providers`."""

    class Left(Base):
        database = Database(host="left")

    class Right(Base):
        database = Database(host="right")
        orders = Orders(database=database, page_size=1)

    class Both(Left, Right):
        pass

    assert Both.database is Left.database is Both.providers["database"]
    assert Both.orders is Right.orders is Both.providers["orders"]
    found = live(Both())
    assert (found["orders"].database, found["orders"].page_size) == (found["database"], 1)
    assert found["database"].host == "left"


def test_a_plain_container_of_dependency_injector_may_be_a_base():
    """The keys of a DeclarativeContainer among the bases are keys of ours: moving over can be done step by step."""

    class Old(containers.DeclarativeContainer):
        database = providers.Factory(Database, host="old")
        service = providers.Factory(Service, database=database)

    class App(ResourceContainer, Old):
        orders = Orders(database=Old.database)

    class Prod(App):
        database = Database(host="prod")

    assert list(App.providers) == ["database", "service", "orders"]
    assert live(App())["orders"].database.host == "old"
    with Prod().run() as resources:
        assert resources.service().database is resources.orders.database is resources.database


def test_keys_stand_in_the_order_of_first_declaration():
    """Bases first, then what a class adds; a redefined key keeps its place."""

    class Prod(Base):
        cache = Database()
        database = Database(host="db-1")

    assert list(Prod.providers) == ["database", "orders", "cache"]
    assert list(Prod().plan().keys) == ["database", "orders", "cache"]
    assert [step.name for step in Prod().plan().steps] == ["database", "orders", "cache"]


NAMES = ["a", "b", "c", "d"]


class Node(ConfigurableResource):
    tag: str
    needs: list[ConfigurableResource] = []  # noqa: RUF012  # attrs copies it


@given(
    st.lists(st.tuples(st.sets(st.sampled_from(NAMES), min_size=1), st.booleans()), min_size=1, max_size=4),
    st.sets(st.sampled_from(NAMES)),
)
def test_rebinding_over_any_chain_of_classes(levels, replaced):
    """However classes redefine keys, each key has the last declaration, and every reference is to this container's."""
    cls = ResourceContainer
    expected = {}
    for number, (keys, backwards) in enumerate(levels):
        body = {}
        for key in sorted(keys, reverse=backwards):
            known = {**cls.providers, **body}
            needs = [known[other] for other in NAMES if other < key and other in known]
            body[key] = Node(tag=f"{key}{number}", needs=needs)
            expected[key] = f"{key}{number}"
        cls = type(cls)(f"Level{number}", (cls,), _assigned(cls, body))
    replaced &= set(expected)
    found = live(cls(**{key: Node(tag=f"new {key}") for key in replaced}))
    assert {key: each.tag for key, each in found.items()} == {
        key: f"new {key}" if key in replaced else tag for key, tag in expected.items()
    }
    for key, each in found.items():
        assert {id(need) for need in each.needs} <= {id(other) for name, other in found.items() if name < key}


def _assigned(cls, body):
    namespace = type(cls).__prepare__("Level", (cls,))
    for key, content in body.items():
        namespace[key] = content
    return namespace


def test_assigning_to_the_class_later():
    """A resource assigned to a container class is wrapped, and takes the key's place in subclasses and references."""

    class App(ResourceContainer):
        database = Database()
        orders = Orders(database=database)

    class Sub(App):
        pass

    App.database = Database(host="later")
    App.cache = Database(host="cache")
    assert isinstance(App.database, providers.Provider)
    found = live(Sub())
    assert (found["orders"].database, found["cache"].host) == (found["database"], "cache")
    assert found["database"].host == "later"
    del App.cache
    assert list(Sub.providers) == ["database", "orders"]


def test_assigning_to_an_instance_later():
    """A resource assigned to an instance is wrapped, and takes the key's place in this instance only."""
    app = Base()
    with app.run():
        pass
    app.database = Database(host="later")
    app.cache = Database(host="cache")
    found = live(app)
    assert found["orders"].database is found["database"]
    assert (found["database"].host, found["cache"].host) == ("later", "cache")
    app.note = 3
    del app.cache, app.note
    with pytest.raises(AttributeError):
        del app.note
    assert list(live(app)) == ["database", "orders"]
    assert live(Base())["database"].host == "localhost"


@pytest.mark.parametrize("fake", [Mock(), "a text", None])
def test_a_plain_value_in_a_keys_place_is_that_key(fake):
    """A mock or None where a base has a resource takes its place, in a subclass and in later assignment."""

    class Optional(ResourceContainer):
        database = Database()

    class Test(Optional):
        database = fake

    app = Optional()
    app.database = fake
    assert live(Test()) == live(app) == {"database": fake}
    Optional.database = fake
    assert live(Optional()) == {"database": fake}


def test_a_method_cannot_take_a_keys_place():
    """A method under the name of an inherited key is refused: nobody could tell which of the two is meant."""
    with pytest.raises(DefinitionError, match=r"database is a function, it cannot take the place of a key"):

        class Prod(Base):
            def database(self): ...


def test_keys_that_collide_with_a_method_of_another_base():
    """A key that something else hides is refused, with the class that hides it."""

    class Mixin:
        def orders(self): ...

    with pytest.raises(DefinitionError, match=r"Prod: key 'orders' is hidden by Mixin.orders, which is no key"):

        class Prod(Mixin, Base):
            pass


def test_a_declarations_attributes_are_not_to_be_had():
    """A provider of ours has no attribute of the resource: the error tells where the live one is."""
    for database in (Base.database, Base().database):
        with pytest.raises(NotLiveError, match=r"database is the declaration.*resources\.database") as caught:
            database.host  # noqa: B018
        assert isinstance(caught.value, AttributeError | ResourceKitError)
    assert not hasattr(Base.database, "query")


def test_the_class_level_override_is_dependency_injectors():
    """`Base.override(Other)` is dependency-injector's own: every later instance is overridden until it is reset."""

    class App(ResourceContainer):
        database = Database()

    class Stub(ResourceContainer):
        database = Database(host="stub")

    App.override(Stub)
    assert live(App())["database"].host == "stub"
    App.reset_override()
    assert live(App())["database"].host == "localhost"


def test_of_makes_a_container_from_a_dictionary():
    """As the guide writes them: resources, providers and plain values by key, resources nested by themselves."""
    database = Database()
    app = ResourceContainer.of(
        {"database": database, "orders": Orders(database=database), "made": providers.Object(3), "url": "x", "no": None}
    )
    with app.run() as resources:
        assert resources.orders.database is resources.database
        assert (resources.made(), resources.url, resources.no) == (3, "x", None)
    with Base.of({"database": Database(host="other")}).run() as resources:
        assert resources.orders.database.host == "other"


@pytest.mark.parametrize(
    ("wrong", "what"), [(None, "a NoneType"), (3, "an int"), (["database"], "a list"), (Database(), "a Database")]
)
def test_of_wants_a_mapping(wrong, what):
    """Anything else is refused by name of its type."""
    with pytest.raises(DefinitionError, match=f"a mapping of keys, not {what}"):
        ResourceContainer.of(wrong)


def test_of_refuses_classes_and_lists_of_resources():
    """A dictionary is held to the same rules as a body."""
    with pytest.raises(DefinitionError, match="is the class Database"):
        ResourceContainer.of({"database": Database})
    with pytest.raises(DefinitionError, match="bare list of resources"):
        ResourceContainer.of({"databases": [Database()]})


def test_abstract_resources_and_empty_containers():
    """An empty container has an empty run; an ABC's implementations fit a field of its type."""

    class Store(ConfigurableResource, ABC):
        @abstractmethod
        def get(self): ...

    class Memory(Store):
        def get(self):
            return 1

    class Reader(ConfigurableResource):
        store: Store

    class Empty(ResourceContainer):
        pass

    class App(Empty):
        store = Memory()
        reader = Reader(store=store)

    assert live(Empty()) == {}
    assert live(App())["reader"].store.get() == 1
    assert App().check() == ()


def test_the_container_itself_as_a_provider():
    """dependency-injector's `Self` gives the container, under any name, and is no key of ours."""

    class App(ResourceContainer):
        me = providers.Self()
        service = providers.Factory(Service, database=me)

    app = App()
    assert app.me() is app.service().database is app
    assert app.plan().keys == ("service",)
    assert App(service=3).me() is not app


def test_dependency_injectors_copy_decorator():
    """`@containers.copy(Base)` copies providers of ours too; what the new class has takes the others' place."""

    @containers.copy(Base)
    class Copied(Base):
        database = Database(host="copied")

    found = live(Copied())
    assert found["orders"].database is found["database"]
    assert found["database"].host == "copied"
    alone = providers.deepcopy(Base.orders)
    assert alone is not Base.orders
    with Base(orders=alone).run() as resources:
        assert resources.orders.database.host == "localhost"


def test_a_provider_of_ours_shows_its_key_and_resource():
    """Printed, a provider tells its key and the declaration, secrets masked by the declaration itself."""
    assert str(Base.database) == repr(Base.database) == "<ResourceProvider database: Database(host='localhost')>"


def test_traverse_gives_each_provider_once():
    """`traverse` goes through resources, nested ones too, to the providers they refer to."""

    class Two(ConfigurableResource):
        first: Database
        second: Database
        report: Report

    class App(ResourceContainer):
        database = Database()
        two = Two(first=database, second=database, report=Report(orders=Orders(database=database)))

    assert set(App.two.related) == {App.database}
    assert len(list(App.two.related)) == 1
    app = App()
    assert set(app.traverse()) == {app.database, app.two}


def test_plain_providers_that_need_each_other_through_redefined_keys():
    """Two providers that were redefined to need each other could never be made: told when an instance is."""

    class App(ResourceContainer):
        left = providers.Factory(Service, database=None)
        right = providers.Factory(Service, database=None)

    class Knot(App):
        left = providers.Factory(Service, database=App.right)
        right = providers.Factory(Service, database=App.left)

    with pytest.raises(DefinitionError, match="Factory provider needs itself through redefined keys"):
        Knot()


def test_resources_that_need_each_other_through_redefined_keys():
    """The same of resources is a cycle, drawn by `check`."""

    class Link(ConfigurableResource):
        to: "Link | None"

    class App(ResourceContainer):
        left = Link()
        right = Link(to=left)

    class Knot(App):
        left = Link(to=App.right)

    assert [(problem.code, problem.path) for problem in Knot().check()] == [("cycle", ("left", "right", "left"))]
