"""A shop: the container that the tests of injection share."""

from resourcekit import ConfigurableResource, ConfigurableResourceFactory, ResourceContainer, value


class Database(ConfigurableResource, scope="app"):
    host: str = "localhost"


class Orders(ConfigurableResource):
    database: Database
    page_size: int = 100


class Client:
    """What ClientFactory vends."""

    def __init__(self, url: str) -> None:
        self.url = url


class ClientFactory(ConfigurableResourceFactory[Client]):
    url: str = "https://api.example.com"

    def create_resource(self) -> Client:
        return Client(self.url)


class Shop(ResourceContainer):
    database = Database()
    orders = Orders(database=database)
    client = ClientFactory()
    url = value("https://shop.example.com")
