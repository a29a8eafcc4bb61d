"""`ref`: a resource of the same container by its key, or a provider that a type checker lets into a field."""

from dependency_injector import providers

from resourcekit import ConfigurableResource, ResourceContainer, ref


class Engine:
    def __init__(self, url: str) -> None:
        self.url = url


class Orders(ConfigurableResource):
    engine: Engine
    page_size: int = 100


def test_provider_is_given_as_it_is() -> None:
    """`ref(provider)` is the provider itself: it says nothing but a type."""
    provider = providers.Factory(Engine, url="sqlite://")
    assert ref(provider) is provider


def test_field_gets_what_the_provider_gives() -> None:
    """A field that was given `ref(provider)` holds in a run what the provider gives there."""

    class App(ResourceContainer):
        config = providers.Configuration()
        engine = providers.Factory(Engine, url=config.url)
        orders = Orders(engine=ref(engine), page_size=ref(config.page_size))

    app = App()
    app.config.from_dict({"url": "sqlite://", "page_size": 20})
    with app.run() as resources:
        assert resources.orders.engine.url == "sqlite://"
        assert resources.orders.page_size == 20
