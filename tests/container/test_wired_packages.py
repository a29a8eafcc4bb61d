"""`wiring_config` and `wire` with relative names, in the layouts of dependency-injector's example applications."""

import sys

import pytest
from dependency_injector import containers

from resourcekit import DefinitionError, NoActiveRunError, ResourceContainer

CONTAINERS = """
    class Database(ConfigurableResource):
        host: str = "localhost"

    class Container(ResourceContainer):
        wiring_config = containers.WiringConfiguration({options})
        database = Database()
        answer = providers.Object(42)
"""
HANDLERS = """
    @inject
    def index(answer=Provide["answer"], database=Provide["database"]):
        return answer, database
"""
BY_CLASS = """
    from {containers} import Container

    @inject
    def index(answer=Provide[Container.answer], database=Provide[Container.database]):
        return answer, database
"""


def containers_module(options):
    """The source of a module with a container."""
    return CONTAINERS.format(options=options)


@pytest.mark.parametrize("handlers", [HANDLERS, BY_CLASS.format(containers="shop.containers")])
def test_a_relative_module(package, handlers):
    """`.handlers` in the body of a container in `shop/containers.py` is `shop/handlers.py`."""
    options = "modules=['.handlers']"
    shop = package("shop.containers", shop__containers=containers_module(options), shop__handlers=handlers)
    app = shop.Container()
    assert app.wired_to_modules == [sys.modules["shop.handlers"]]
    with app.run() as resources:
        assert sys.modules["shop.handlers"].index() == (42, resources.database)
    with pytest.raises(NoActiveRunError):
        sys.modules["shop.handlers"].index()


def test_a_relative_package(package):
    """`packages=[".web"]` wires every module below `shop/web`, in folders below it too."""
    sources = {"shop__web__pages": HANDLERS, "shop__web__admin__pages": HANDLERS}
    shop = package("shop.containers", shop__containers=containers_module("packages=['.web']"), **sources)
    app = shop.Container()
    assert app.wired_to_packages == [sys.modules["shop.web"]]
    with app.run() as resources:
        for name in ("shop.web.pages", "shop.web.admin.pages"):
            assert sys.modules[name].index() == (42, resources.database)


def test_two_dots(package):
    """`..handlers` goes up a folder, as in an import."""
    source = containers_module("modules=['..handlers']")
    shop = package("shop.config.containers", shop__config__containers=source, shop__handlers=HANDLERS)
    app = shop.Container()
    assert app.wired_to_modules == [sys.modules["shop.handlers"]]


def test_from_package(package):
    """`from_package` says where relative names begin, in the configuration and in a call of `wire`."""
    source = containers_module("modules=['.handlers'], from_package='shop.web'")
    shop = package("shop.containers", shop__containers=source, shop__web__handlers=HANDLERS, shop__handlers=HANDLERS)
    app = shop.Container()
    assert app.wired_to_modules == [sys.modules["shop.web.handlers"]]
    app.unwire()
    app.wire(from_package="shop")
    assert app.wired_to_modules == [sys.modules["shop.handlers"]]


def test_modules_of_a_call(package):
    """Modules that a call names are wired in the place of those of the configuration; none means none."""
    source = containers_module("modules=['.handlers'], auto_wire=False")
    shop = package("shop.containers", shop__containers=source, shop__handlers=HANDLERS, shop__others=HANDLERS)
    app = shop.Container()
    app.wire(modules=[])
    assert app.wired_to_modules == []
    app.wire(modules=[".others"])
    assert app.wired_to_modules == [sys.modules["shop.others"]]


def test_auto_wire_off(package):
    """With `auto_wire=False` nothing is imported or wired before `wire()` is called."""
    source = containers_module("modules=['.handlers'], auto_wire=False")
    shop = package("shop.containers", shop__containers=source, shop__handlers=HANDLERS)
    app = shop.Container()
    assert "shop.handlers" not in sys.modules
    app.wire()
    with app.run() as resources:
        assert sys.modules["shop.handlers"].index() == (42, resources.database)


def test_an_inherited_configuration(package):
    """A container of another package that inherits `wiring_config` wires the modules that its base means."""
    heir = "from shop.containers import Container\nclass Prod(Container):\n    answer = providers.Object(43)"
    prod = package(
        "prod.containers",
        shop__containers=containers_module("modules=['.handlers']"),
        shop__handlers=BY_CLASS.format(containers="shop.containers"),
        prod__containers=heir,
    )
    app = prod.Prod()
    assert app.wired_to_modules == [sys.modules["shop.handlers"]]
    with app.run() as resources:
        assert sys.modules["shop.handlers"].index() == (43, resources.database)


def test_an_inherited_configuration_of_a_package_with_the_same_layout(package):
    """The package of the class itself comes first: `.handlers` beside it is what it wires."""
    heir = "from shop.containers import Container\nclass Prod(Container): ..."
    prod = package(
        "prod.containers",
        shop__containers=containers_module("modules=['.handlers']"),
        shop__handlers=HANDLERS,
        prod__containers=heir,
        prod__handlers=HANDLERS,
    )
    assert prod.Prod().wired_to_modules == [sys.modules["prod.handlers"]]


def test_a_configuration_given_later(package):
    """`app.wiring_config = ...` before `app.wire()` counts as if the class had said it."""
    shop = package("shop.containers", shop__containers=containers_module(""), shop__handlers=HANDLERS)
    app = shop.Container()
    app.wiring_config = containers.WiringConfiguration(modules=[".handlers"])
    app.wire()
    assert app.wired_to_modules == [sys.modules["shop.handlers"]]


def test_an_instance_with_replaced_keys_is_wired(package):
    """`Container(answer=...)` wires what was replaced."""
    shop = package(
        "shop.containers", shop__containers=containers_module("modules=['.handlers']"), shop__handlers=HANDLERS
    )
    with shop.Container(answer=1).run():
        assert sys.modules["shop.handlers"].index()[0] == 1


@pytest.mark.parametrize("base", ["ResourceContainer", "containers.DeclarativeContainer"])
def test_a_nested_container_with_a_configuration_of_its_own(package, base):
    """A nested container's modules get what the outer instance has: its configuration and its overrides."""
    nested = f"""
        class Storage({base}):
            wiring_config = containers.WiringConfiguration(modules=[".handlers"])
            config = providers.Configuration()
            answer = providers.Object(42)
            size = providers.Callable(lambda size: size, config.size)
    """
    handlers = "@inject\ndef index(answer=Provide['answer'], size=Provide['size']):\n    return answer, size\n"
    outer = """
        from .storage.containers import Storage
        class App(ResourceContainer):
            config = providers.Configuration()
            storage = providers.Container(Storage, config=config.storage)
    """
    shop = package(
        "shop.containers",
        shop__containers=outer,
        shop__storage__containers=nested,
        shop__storage__handlers=handlers,
    )
    app = shop.App()
    app.config.from_dict({"storage": {"size": 7}})
    index = sys.modules["shop.storage.handlers"].index
    assert index() == (42, 7)
    with app.storage.answer.override(43):
        assert index() == (43, 7)


def test_where_outer_and_nested_container_wire_one_module(package):
    """A marker that both could resolve is the outer container's."""
    source = """
        class Storage(ResourceContainer):
            wiring_config = containers.WiringConfiguration(modules=[".handlers"])
            answer = providers.Object(1)
            own = providers.Object(2)
        class App(ResourceContainer):
            wiring_config = containers.WiringConfiguration(modules=[".handlers"])
            answer = providers.Object(3)
            storage = providers.Container(Storage)
    """
    handlers = """
        @inject
        def index(answer=Provide["answer"], own=Provide["own"], nested=Provide["storage.answer"]):
            return answer, own, nested
    """
    shop = package("shop.containers", shop__containers=source, shop__handlers=handlers)
    shop.App()
    assert sys.modules["shop.handlers"].index() == (3, 2, 1)


def test_a_relative_name_outside_of_a_package(package):
    """A relative name in a script or top-level module is an error that says what to write."""
    script = package("script", script=containers_module("modules=['.handlers']"))
    with pytest.raises(DefinitionError, match=r"Container cannot wire '.handlers'.*the full name, or.*from_package"):
        script.Container()


def test_a_relative_name_that_is_not_there(package):
    """A relative name that no package has is Python's own error, with the full name."""
    shop = package("shop.containers", shop__containers=containers_module("modules=['.handlrs']"))
    with pytest.raises(ModuleNotFoundError, match=r"shop\.handlrs"):
        shop.Container()
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        ResourceContainer.of({}).wire(modules=[".handlers"], from_package="nowhere")


def test_an_error_in_a_wired_module_is_its_own(package):
    """What importing a wired module raises comes out as it is."""
    shop = package(
        "shop.containers", shop__containers=containers_module("modules=['.handlers']"), shop__handlers="import nowhere"
    )
    with pytest.raises(ModuleNotFoundError, match="nowhere"):
        shop.Container()
