"""A FastAPI application over a real socket: a run per request, with the framework none the wiser."""

import importlib.util
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Annotated, Any

import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

import httpx2
import uvicorn
from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.responses import StreamingResponse
from fastapi.testclient import TestClient
from starlette.concurrency import run_in_threadpool

from resourcekit import ConfigurableResource, NoActiveRunError, ResourceContainer, inject


class Database(ConfigurableResource, scope="app"):
    """Keeps rows in memory, and counts how often it was opened and closed."""

    name: str = "real"

    async def setup_for_execution(self) -> None:
        self._rows: list[str] = ["tea", "coffee"]
        events.append("open")

    async def teardown_after_execution(self) -> None:
        events.append("close")


class UnitOfWork(ConfigurableResource):
    """Rows are written at the end, if the request went well."""

    database: Database

    def yield_for_execution(self) -> Iterator["UnitOfWork"]:
        self._new: list[str] = []
        try:
            yield self
        except BaseException as error:
            events.append(f"rollback {type(error).__name__}")
            raise
        self.database._rows.extend(self._new)
        events.append("commit")

    def add(self, row: str) -> None:
        """Write a row when the request is done."""
        self._new.append(row)

    def rows(self) -> list[str]:
        """All rows written so far."""
        return list(self.database._rows)


class Shop(ResourceContainer):
    database = Database()
    work = UnitOfWork(database=database)


events: list[str] = []


@pytest.fixture(autouse=True)
def _no_events() -> None:
    events.clear()


app = Shop()
router = APIRouter()


@router.get("/rows")
@app.inject
async def list_rows(limit: int, work: UnitOfWork) -> list[str]:
    return work.rows()[:limit]


@router.post("/rows/{row}")
@app.inject
def add_row(row: str, work: UnitOfWork, fail: bool = False) -> str:
    work.add(row)
    if fail:
        raise HTTPException(409, "no more")
    return work.database.name


@router.get("/crash")
@app.inject
async def crash(work: UnitOfWork) -> None:
    raise ZeroDivisionError


@app.inject
async def export_rows(limit: int, work: UnitOfWork) -> AsyncIterator[str]:
    for row in work.rows()[:limit]:
        assert app.get("work") is work
        yield f"{row}\n"


@router.get("/export")
async def export(limit: int = 10) -> StreamingResponse:
    return StreamingResponse(export_rows(limit))


@app.inject
def count_rows(work: UnitOfWork) -> Iterator[int]:
    yield len(work.rows())


@app.inject
async def open_work(work: UnitOfWork) -> AsyncIterator[UnitOfWork]:
    yield work


@router.get("/count")
async def count(rows: Annotated[int, Depends(count_rows)]) -> int:
    with pytest.raises(NoActiveRunError):
        app.get("work")  # The dependency's run is its own.
    return rows


@router.put("/rows/{row}")
@app.inject
async def put_row(
    row: str, work: Annotated[UnitOfWork, Depends(open_work)], database: Database, fail: bool = False
) -> bool:
    work.add(row)
    if fail:
        raise HTTPException(409, "no more")
    return work.database is database


@inject
def first_row(database: Database) -> str:
    return database._rows[0]


@router.get("/first")
async def first() -> list[str]:
    return [first_row(), await run_in_threadpool(first_row)]


if importlib.util.find_spec("fastapi.sse"):  # a FastAPI that streams what endpoints yield

    @router.get("/lines")
    @app.inject
    async def lines(work: UnitOfWork) -> AsyncIterator[dict[str, str]]:
        for row in work.rows():
            yield {"row": row}

    @router.get("/sync-lines")
    @app.inject
    def sync_lines(work: UnitOfWork) -> Iterator[dict[str, str]]:
        for row in work.rows():
            yield {"row": row}


def made() -> FastAPI:
    """The web application, as a module would have it."""

    @asynccontextmanager
    async def lifespan(web: FastAPI) -> AsyncIterator[None]:
        async with app:
            yield

    web = FastAPI(lifespan=lifespan)
    web.include_router(router)
    return web


@contextmanager
def served(**overrides: Any) -> Iterator[httpx2.Client]:
    """A client of the application, served by uvicorn on the loopback interface in a thread."""
    config = uvicorn.Config(made(), log_level="critical", ws="none", lifespan="on", loop="asyncio", http="h11")
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def serve() -> None:
            with app.override(**overrides):
                server.run(sockets=[listening])

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with httpx2.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=20) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(20)


def test_the_application_lives_as_long_as_its_server() -> None:
    """`async with app` in the lifespan opens the app-scoped resources once, and closes them at the end."""
    with served() as client:
        assert client.get("/rows", params={"limit": 1}).json() == ["tea"]
        assert client.get("/rows", params={"limit": 5}).json() == ["tea", "coffee"]
    assert events == ["open", "commit", "commit", "close"]


def test_endpoints_of_every_kind() -> None:
    """async def, def in a thread, a stream, and what dependencies vend: each request has its run."""
    with served() as client:
        assert client.post("/rows/milk").json() == "real"
        assert client.get("/export").text == "tea\ncoffee\nmilk\n"
        assert client.get("/count").json() == 3
        assert client.get("/first").json() == ["tea", "tea"]
        assert client.put("/rows/sugar").json() is True
        assert client.get("/rows", params={"limit": 9}).json() == ["tea", "coffee", "milk", "sugar"]
    assert events == ["open", *["commit"] * 5, "close"]


def test_an_endpoint_that_fails_rolls_back() -> None:
    """An HTTPException or a crash reaches the resources of the request: nothing is written."""
    with served() as client:
        assert client.post("/rows/milk", params={"fail": True}).status_code == 409
        assert client.put("/rows/milk", params={"fail": True}).status_code == 409
        assert client.get("/crash").status_code == 500
        assert client.get("/rows", params={"limit": 9}).json() == ["tea", "coffee"]
    failed = ["rollback HTTPException", "rollback HTTPException", "rollback ZeroDivisionError"]
    assert events == ["open", *failed, "commit", "close"]


def test_the_framework_sees_the_callers_parameters_only() -> None:
    """Path and query parameters are validated and documented; the resources are not among them."""
    with served() as client:
        assert client.get("/rows", params={"limit": "many"}).status_code == 422
        paths = client.get("/openapi.json").json()["paths"]
    named = {
        f"{method} {path}": [each["name"] for each in operation.get("parameters", ())]
        for path, operations in paths.items()
        for method, operation in operations.items()
    }
    assert named["get /rows"] == ["limit"]
    assert named["post /rows/{row}"] == named["put /rows/{row}"] == ["row", "fail"]
    assert named["get /count"] == []


@pytest.mark.skipif(importlib.util.find_spec("fastapi.sse") is None, reason="this FastAPI does not stream yields")
def test_endpoints_that_yield() -> None:
    """A generator endpoint, async or not, is streamed, and its run ends with it."""
    with served() as client:
        for path in ("/lines", "/sync-lines"):
            assert client.get(path).text.split() == ['{"row":"tea"}', '{"row":"coffee"}']
    assert events == ["open", "commit", "commit", "close"]


def test_many_requests_at_once() -> None:
    """Requests that overlap, in tasks and in threads, do not see each other's runs."""
    names = [f"row-{number}" for number in range(24)]
    with served() as client:
        threads = [threading.Thread(target=client.post, args=(f"/rows/{name}",)) for name in names]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        rows = client.get("/rows", params={"limit": 99}).json()
    assert sorted(rows) == sorted(["tea", "coffee", *names])


class FakeDatabase(Database):
    name: str = "fake"

    async def setup_for_execution(self) -> None:
        self._rows = ["fake"]

    async def teardown_after_execution(self) -> None: ...


class SyncDatabase(Database):
    """Has no async hooks: a run of any kind may open it, and any thread may close it."""

    def setup_for_execution(self) -> None:  # type: ignore[override]
        self._rows = []
        events.append("fake opens")

    def teardown_after_execution(self) -> None:  # type: ignore[override]
        events.append("fake closes")


def test_an_override_for_a_server() -> None:
    """A server started inside an override uses the fake in every request, wherever that runs."""
    with served(database=FakeDatabase()) as client:
        assert client.get("/rows", params={"limit": 9}).json() == ["fake"]
        assert client.get("/export").text == "fake\n"


def test_an_override_everywhere_for_a_server_that_runs() -> None:
    """What a test overrides everywhere is what a live server uses, and what a POST has written is there for the GET."""
    with served() as client:
        assert client.get("/rows", params={"limit": 9}).json() == ["tea", "coffee"]
        with app.override(database=FakeDatabase()):
            assert client.get("/rows", params={"limit": 9}).json() == ["tea", "coffee"]
        with app.override(database=SyncDatabase(name="fake"), everywhere=True):
            assert client.get("/rows", params={"limit": 9}).json() == []
            assert client.post("/rows/milk").json() == "fake"
            assert client.get("/rows", params={"limit": 9}).json() == ["milk"]
            assert client.get("/export").text == "milk\n"
            assert client.put("/rows/sugar").json() is True
            assert client.get("/count").json() == 2
            with app.run("database") as resources:
                assert resources.database._rows == ["milk", "sugar"]
        assert client.get("/rows", params={"limit": 9}).json() == ["tea", "coffee"]
    assert [event for event in events if event != "commit"] == ["open", "fake opens", "fake closes", "close"]


def test_an_override_everywhere_for_a_server_that_starts_in_it() -> None:
    """A server that starts inside of it starts the fake, whose hooks may be async."""
    with app.override(database=Database(name="fake"), everywhere=True):
        with served() as client:
            assert client.post("/rows/milk").json() == "fake"
            assert client.get("/rows", params={"limit": 9}).json() == ["tea", "coffee", "milk"]
            assert app.get(Database).name == "fake"
        with TestClient(made()) as client:
            assert client.get("/rows", params={"limit": 9}).json() == ["tea", "coffee"]
    assert events.count("open") == events.count("close") == 2


def test_an_override_for_a_request() -> None:
    """With FastAPI's test client, an override around a request is seen by that request only."""
    with TestClient(made()) as client:
        with app.override(work=UnitOfWork(database=FakeDatabase())):
            assert client.get("/rows", params={"limit": 9}).json() == ["fake"]
        assert client.get("/rows", params={"limit": 9}).json() == ["tea", "coffee"]
