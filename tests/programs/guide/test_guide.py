"""Every example of Dagster's guide to resources, in the guide's order, one test each; only the imports are changed.

What the guide leaves out stands around the examples: a server for the URLs it asks, SQLite for the databases it
connects to, and what the example is to produce.
"""

import json
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

import resourcekit as dg
from resourcekit import Field, FilesystemIOManager, asset


class Answers(BaseHTTPRequestHandler):
    """Answers every GET with what it was asked, as JSON."""

    def do_GET(self) -> None:
        body = json.dumps({"path": self.path, "authorization": self.headers.get("Authorization")}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server's URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def users(tmp_path: Path) -> str:
    """A database with two users."""
    path = str(tmp_path / "users.db")
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("CREATE TABLE users (name TEXT)")
        connection.executemany("INSERT INTO users VALUES (?)", [("ann",), ("bob",)])
    connection.close()
    return path


def test_01_hardcoded(users: str) -> None:
    """Why resources matter: an asset with a hardcoded connection is still an asset, and runs."""
    opened = []

    def connect(_url: str) -> Any:
        opened.append(sqlite3.connect(users))
        return opened[-1]

    psycopg2 = SimpleNamespace(connect=connect)

    @asset
    def fetch_users():
        conn = psycopg2.connect("postgresql://prod-db:5432/users")
        return conn.execute("SELECT * FROM users").fetchall()

    assert dg.materialize([fetch_users]).output_for(fetch_users) == [("ann",), ("bob",)]
    opened[0].close()


def test_02_with_a_resource(users: str) -> None:
    """Why resources matter: the asset asks for a database, and whoever runs it says which."""

    class DatabaseResource(dg.ConfigurableResource):
        path: str

        def execute(self, query: str) -> list[Any]:
            connection = sqlite3.connect(self.path)
            try:
                return connection.execute(query).fetchall()
            finally:
                connection.close()

    @asset
    def fetch_users(database: DatabaseResource):
        return database.execute("SELECT * FROM users")

    result = dg.materialize([fetch_users], resources={"database": DatabaseResource(path=users)})
    assert result.output_for(fetch_users) == [("ann",), ("bob",)]


def test_03_defining_resources() -> None:
    """Defining resources: a class with a field and a method."""

    class MyResource(dg.ConfigurableResource):
        value: str

        def get_value(self) -> str:
            return self.value

    assert MyResource(value="foo").get_value() == "foo"


def test_04_resource_configuration() -> None:
    """Resource configuration: types, defaults, and a password that is not logged."""

    def connect(**options: Any) -> dict[str, Any]:
        return options

    class DatabaseResource(dg.ConfigurableResource):
        host: str
        port: int = 5432
        username: str
        password: str = Field(exclude=True)  # Won't be logged
        database: str

        def get_connection(self):
            return connect(
                host=self.host,
                port=self.port,
                user=self.username,
                password=self.password,
                database=self.database,
            )

    resource = DatabaseResource(host="localhost", username="ann", password="hunter2", database="shop")
    expected = {"host": "localhost", "port": 5432, "user": "ann", "password": "hunter2", "database": "shop"}
    assert resource.get_connection() == expected
    assert "hunter2" not in repr(resource)
    with pytest.raises(dg.InvalidFieldError, match="password"):
        DatabaseResource(host="localhost", username="ann", database="shop")


def test_05_using_resources_in_assets(url: str) -> None:
    """Using resources in assets: a plain value, asked for with `ResourceParam`, in `@definitions`."""

    @dg.asset
    def data_from_url(data_url: dg.ResourceParam[str]) -> dict[str, Any]:
        return requests.get(data_url).json()

    @dg.definitions
    def resources():
        return dg.Definitions(
            assets=[data_from_url],
            resources={"data_url": url},
        )

    result = resources().materialize()
    assert result.success
    assert result.output_for("data_from_url")["path"] == "/"


def test_06_configurable_resources_in_assets(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configurable resources in assets: a client whose key comes from the environment."""

    class APIClient(dg.ConfigurableResource):
        base_url: str
        api_key: str
        timeout: int = 30

        def fetch(self, endpoint: str):
            url = f"{self.base_url}/{endpoint}"
            headers = {"Authorization": f"Bearer {self.api_key}"}
            response = requests.get(url, headers=headers, timeout=self.timeout)
            return response.json()

    @dg.asset
    def user_data(api: APIClient):
        return api.fetch("users")

    defs = dg.Definitions(
        assets=[user_data],
        resources={
            "api": APIClient(
                base_url=url,
                api_key=dg.EnvVar("API_KEY"),
            )
        },
    )

    monkeypatch.setenv("API_KEY", "k-1")
    assert defs.materialize().output_for(user_data) == {"path": "/users", "authorization": "Bearer k-1"}


def test_07_using_resources_in_ops(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Using resources in ops: a job calls the op, and the resource comes from the definitions."""

    @dg.op
    def print_data_from_resource(data_url: dg.ResourceParam[str]):
        print(requests.get(data_url).json())

    @dg.job
    def print_data_from_url_job():
        print_data_from_resource()

    @dg.definitions
    def resources():
        return dg.Definitions(
            jobs=[print_data_from_url_job],
            resources={"data_url": url},
        )

    assert resources().get_job_def("print_data_from_url_job").execute_in_process().success
    assert capsys.readouterr().out == "{'path': '/', 'authorization': None}\n"


def test_08_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment variables: they are read when something runs, not when the code is."""

    class DatabaseResource(dg.ConfigurableResource):
        host: str
        password: str

    @dg.asset
    def my_asset(database: DatabaseResource):
        return (database.host, database.password)

    defs = dg.Definitions(
        assets=[my_asset],
        resources={
            "database": DatabaseResource(
                host=dg.EnvVar("DATABASE_HOST"),
                password=dg.EnvVar("DATABASE_PASSWORD"),
            )
        },
    )

    with pytest.raises(dg.ConfigError, match="DATABASE_HOST") as caught:
        defs.materialize()
    assert "DATABASE_PASSWORD" in str(caught.value)
    for host in ("first", "second"):
        monkeypatch.setenv("DATABASE_HOST", host)
        monkeypatch.setenv("DATABASE_PASSWORD", "hunter2")
        assert defs.materialize().output_for(my_asset) == (host, "hunter2")


def test_09_resource_dependencies() -> None:
    """Resource dependencies: one resource is given to another by its key."""

    class StringHolderResource(dg.ConfigurableResource):
        value: str

    class MyResourceRequiresAnother(dg.ConfigurableResource):
        foo: StringHolderResource
        bar: str

        def get_combined(self):
            return f"{self.foo.value}-{self.bar}"

    @dg.asset
    def my_asset(combined: MyResourceRequiresAnother, string_holder: StringHolderResource):
        return (combined.get_combined(), combined.foo is string_holder)

    defs = dg.Definitions(
        assets=[my_asset],
        resources={
            "string_holder": StringHolderResource(value="hello"),
            "combined": MyResourceRequiresAnother(
                foo=dg.ResourceParam("string_holder"),
                bar="world",
            ),
        },
    )

    assert defs.materialize().output_for(my_asset) == ("hello-world", True)


def test_10_lifecycle_in_a_method(users: str) -> None:
    """Lifecycle management: a method that is a context manager opens a connection where it is needed."""
    closed = []

    def connect(host: str) -> Any:
        connection = sqlite3.connect(host)
        return SimpleNamespace(
            execute=lambda query: connection.execute(query).fetchall(),
            close=lambda: (connection.close(), closed.append(host)),
        )

    class DatabaseConnection(dg.ConfigurableResource):
        host: str

        @contextmanager
        def get_connection(self):
            conn = connect(self.host)
            try:
                yield conn
            finally:
                conn.close()

    @dg.asset
    def query_users(database: DatabaseConnection):
        with database.get_connection() as conn:
            return conn.execute("SELECT * FROM users")

    result = dg.materialize([query_users], resources={"database": DatabaseConnection(host=users)})
    assert result.output_for(query_users) == [("ann",), ("bob",)]
    assert closed == [users]


def test_11_lifecycle_with_a_hook(tmp_path: Path) -> None:
    """Lifecycle management: `setup_for_execution` runs once, at the start, and may keep private state."""
    calls = []

    class CacheResource(dg.ConfigurableResource):
        cache_dir: str

        def setup_for_execution(self, context):
            # Called once at the start of execution
            os.makedirs(self.cache_dir, exist_ok=True)
            self._cache = {}
            calls.append(context.key)

        def get(self, key):
            return self._cache.get(key)

        def set(self, key, value):
            self._cache[key] = value

    @dg.asset
    def fill(cache: CacheResource):
        cache.set("answer", 42)

    @dg.asset(deps=[fill])
    def read(cache: CacheResource):
        return cache.get("answer")

    folder = tmp_path / "cache"
    assert (
        dg.materialize([fill, read], resources={"cache": CacheResource(cache_dir=str(folder))}).output_for(read) == 42
    )
    assert folder.is_dir()
    assert calls == ["cache"]


def test_12_testing_with_resources() -> None:
    """Testing with resources: the resource by itself, and an asset with another resource in its place."""

    class MyResource(dg.ConfigurableResource):
        value: str

        def get_value(self) -> str:
            return self.value

    def test_my_resource():
        """The guide's own test of the resource."""
        # Test the resource directly
        resource = MyResource(value="foo")
        assert resource.get_value() == "foo"

    @dg.asset
    def data_asset(my_resource: MyResource):
        return my_resource.get_value()

    def test_asset_with_resource():
        """The guide's own test of the asset."""
        # Test asset with a mock resource
        result = dg.materialize(
            [data_asset],
            resources={"my_resource": MyResource(value="test_value")},
        )
        assert result.success
        return result.output_for(data_asset)

    test_my_resource()
    assert test_asset_with_resource() == "test_value"
    assert data_asset(my_resource=MyResource(value="direct")) == "direct"


def test_13_testing_with_nested_resources() -> None:
    """Testing with nested resources: they are given, and read, without a container."""

    class StringHolderResource(dg.ConfigurableResource):
        value: str

    class MyResourceRequiresAnother(dg.ConfigurableResource):
        foo: StringHolderResource
        bar: str

    string_holder = StringHolderResource(value="foo")
    resource = MyResourceRequiresAnother(foo=string_holder, bar="bar")
    assert resource.foo.value == "foo"
    assert resource.bar == "bar"
    assert resource.foo is string_holder


def test_14_resource_factory_pattern() -> None:
    """The resource factory pattern: users receive what `create_io_manager` makes, one for all of them."""
    asked = []

    def fetch_from_api(token: str, key: str) -> str:
        asked.append(key)
        return f"{key} for {token}"

    class ExternalService:
        def __init__(self, api_token):
            self._api_token = api_token
            self._cache = {}

        def fetch_data(self, key):
            if key in self._cache:
                return self._cache[key]
            # Fetch from external API
            data = fetch_from_api(self._api_token, key)
            self._cache[key] = data
            return data

    class ConfigurableExternalService(dg.ConfigurableIOManagerFactory):
        api_token: str

        def create_io_manager(self, context) -> ExternalService:
            return ExternalService(self.api_token)

    @dg.asset
    def first(service: dg.ResourceParam[ExternalService]):
        return service.fetch_data("users")

    @dg.asset
    def second(first: str, service: dg.ResourceParam[ExternalService]):
        return service.fetch_data("users") == first

    result = dg.materialize([first, second], resources={"service": ConfigurableExternalService(api_token="t-1")})
    assert result.output_for(first) == "users for t-1"
    assert result.output_for(second) is True
    assert asked == ["users"]


def test_15_built_in_resources(tmp_path: Path) -> None:
    """Built-in resources: `FilesystemIOManager` keeps the asset's value in a file of its name."""

    @dg.asset
    def my_asset():
        return [1, 2, 3]

    defs = dg.Definitions(
        assets=[my_asset],
        resources={"io_manager": FilesystemIOManager(base_dir=str(tmp_path / "storage"))},
    )

    result = defs.materialize()
    assert result.steps["my_asset"].metadata["path"] == str(tmp_path / "storage" / "my_asset")
    assert defs.load_asset_value("my_asset") == [1, 2, 3]


@pytest.mark.parametrize(
    ("env", "expected"), [("production", "postgresql://prod"), ("", "postgresql://localhost:5432/dev")]
)
def test_16_per_environment_configuration(env: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Per-environment configuration: one dict of resources for each environment, chosen by a variable."""
    monkeypatch.setenv("ENV", env)
    monkeypatch.setenv("PROD_DATABASE_URL", "postgresql://prod")

    class DatabaseResource(dg.ConfigurableResource):
        connection_string: str

    @dg.asset
    def my_asset(database: DatabaseResource):
        return database.connection_string

    def get_dev_resources():
        return {"database": DatabaseResource(connection_string="postgresql://localhost:5432/dev")}

    def get_prod_resources():
        return {"database": DatabaseResource(connection_string=dg.EnvVar("PROD_DATABASE_URL"))}

    # In your Definitions
    IS_PROD = os.getenv("ENV") == "production"  # noqa: N806

    defs = dg.Definitions(
        assets=[my_asset],
        resources=get_prod_resources() if IS_PROD else get_dev_resources(),
    )

    assert defs.materialize().output_for(my_asset) == expected
