"""What cannot be a key, or stand at the top of a body: refused when the class is made, with what to write instead."""

import keyword

import pytest
from dependency_injector import containers, providers

from resourcekit import ConfigurableResource, DefinitionError, ResourceContainer, RunStateError


class Database(ConfigurableResource):
    host: str = "localhost"


class Orders(ConfigurableResource):
    database: Database


class Base(ResourceContainer):
    database = Database()
    orders = Orders(database=database)


def _assigned(cls, body):
    namespace = type(cls).__prepare__("Level", (cls,))
    for key, content in body.items():
        namespace[key] = content
    return namespace


@pytest.mark.parametrize(
    "key", ["run", "check", "override", "providers", "parent", "wire", "of", "init_resources", "wiring_config"]
)
def test_reserved_keys(key):
    """The name of something that every container has cannot be a key; another name is proposed."""
    expected = f"{key!r} cannot be a key, every container has an attribute of that name; call it '{key}_resource'"
    with pytest.raises(DefinitionError, match=expected):
        type(Base)("App", (Base,), _assigned(Base, {key: Database()}))
    with pytest.raises(DefinitionError, match=expected):
        ResourceContainer.of({key: 3})
    with pytest.raises(DefinitionError, match=expected):
        setattr(Base(), key, Database())
    with pytest.raises(DefinitionError, match=expected):
        setattr(Base, key, Database())
    assert list(Base.providers) == ["database", "orders"]


def test_every_public_attribute_of_a_container_is_reserved():
    """There is no public name on a container that a key could take away."""
    for name in {*dir(Base), *dir(Base())} - {"database", "orders"}:
        if not name.startswith("_"):
            with pytest.raises(DefinitionError, match="cannot be a key"):
                ResourceContainer.of({name: Database()})


@pytest.mark.parametrize(
    ("key", "proposal"),
    [*((word, f"{word}_resource") for word in keyword.kwlist), ("_db", "db"), ("__", "resource"), ("a-b", "a_b"),
     ("storage.db", "storage_db"), ("", "resource"), ("\0", "resource"), (3, "3")],
)  # fmt: skip
def test_names_that_cannot_be_keys(key, proposal):
    """Keywords, names with an underscore in front and what is no name at all are refused with a proposal."""
    with pytest.raises(DefinitionError, match="cannot be a key") as caught:
        ResourceContainer.of({key: Database()})
    assert repr(proposal) in str(caught.value)


def test_a_private_resource_in_a_body_is_refused():
    """`_database = Database()` is no key; silence would leave it out of every run."""
    with pytest.raises(DefinitionError, match="begins with an underscore; call it 'database'"):

        class App(ResourceContainer):
            _database = Database()


def test_a_method_with_the_name_of_a_containers_method_is_refused():
    """A container's own `run` or `check` cannot be defined anew: instances would not know of it."""
    with pytest.raises(DefinitionError, match="'run'"):

        class App(ResourceContainer):
            def run(self): ...


def test_a_class_at_the_top_of_a_body():
    """A resource class in the place of a resource is refused with the right spelling; a class statement is not."""
    with pytest.raises(DefinitionError, match=r"database is the class Database: write database = Database\(\.\.\.\)"):

        class App(ResourceContainer):
            database = Database

    class Holder(ResourceContainer):
        class Inner(ConfigurableResource):
            pass

        inner = Inner()

    assert list(Holder.providers) == ["inner"]


@pytest.mark.parametrize(
    "bare",
    [[Database()], (Database(),), {Database()}, {"a": Database()}, [Base.database]],
    ids=lambda bare: str(type(bare)),
)
def test_a_bare_list_or_dict_of_resources_at_the_top_of_a_body(bare):
    """Nobody would set up what is in it: it is refused, with what to write instead."""
    with pytest.raises(DefinitionError, match=r"shards is a bare (list|tuple|set|dict) of resources"):
        type(Base)("App", (Base,), _assigned(Base, {"shards": bare}))


def test_a_container_instance_in_a_body():
    """A nested container is given by its class, through providers.Container."""
    with pytest.raises(DefinitionError, match=r"storage is a container: write storage = providers.Container\(Base\)"):

        class App(ResourceContainer):
            storage = Base()


@pytest.mark.parametrize("name", ["run", "check", "plan", "get", "call", "inject", "with_config", "listen", "start"])
def test_an_instances_method_on_the_class(name):
    """`Prod.run()` says what to write: `Prod().run()`."""
    with pytest.raises(RunStateError, match=rf"Base\.{name}\(\) is for an instance: write Base\(\)\.{name}\("):
        getattr(Base, name)("orders")


@pytest.mark.parametrize("arguments", [{"database": Database()}, {}], ids=["a resource", "nothing"])
def test_override_of_resources_on_the_class(arguments):
    """`Base.override(database=...)` says that it is for an instance; the class takes a container only."""
    with pytest.raises(RunStateError, match=r"Base\(\)\.override\(\.\.\.\)"):
        Base.override(**arguments)
    with pytest.raises(RunStateError, match="takes one container"):
        Base.override(Database())


def test_dependency_injectors_override_of_a_class():
    """The class still takes a container, for the instances made from then on."""

    class Plain(ResourceContainer):
        number = providers.Object(1)

    class Other(containers.DeclarativeContainer):
        number = providers.Object(2)

    Plain.override(Other)
    try:
        assert Plain().number() == 2
    finally:
        Plain.reset_override()
    assert Plain().number() == 1


class Storage(ResourceContainer):
    database = Database()


class Deep(ResourceContainer):
    storage = providers.Container(Storage)


class Whole(ResourceContainer):
    deep = providers.Container(Deep)


@pytest.mark.parametrize(("outer", "nested"), [("deep", Deep), ("deep.storage", Storage)])
def test_a_nested_container_and_a_key_in_it_are_not_replaced_at_once(outer, nested):
    """Nobody could tell which counts: it is an error that names both, at an override and at making the container."""
    both = {"deep.storage.database": Database(), outer: providers.Container(nested)}
    for replace in (Whole().override, Whole):
        with pytest.raises(DefinitionError, match=f"'{outer}' is replaced as a whole, and 'deep.storage.database'"):
            replace(**both)
        for key, content in both.items():
            assert replace(**{key: content}) is not None
