"""Rows that need assets, ops, jobs or IO managers: 54, 96, 101, 102, 108, 115, 116, 118, 119, 134, 135, 138-147.

Where the other files have a row too, here it is shown with `materialize` or a job.
"""

import pickle
from pathlib import Path

from tests.dagster_rows.expected import better, same


class Plain(str):
    """A class that is no resource."""


def files(folder):
    """Every file below a folder."""
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())


def logged_class(dg, log):
    """A resource class that writes its life to a log."""

    class Logged(dg.ConfigurableResource):
        name: str = "r"

        def setup_for_execution(self, context):
            log.append(f"+{self.name}")

        def teardown_after_execution(self, context):
            log.append(f"-{self.name}")

    return Logged


def failed(dg, program):
    """Whether a program raises, whatever each library calls it."""
    return str(dg.attempt(program)).startswith("error")


def told(program):
    """All that the error says that a program raises, and those that it comes from."""
    try:
        program()
    except Exception as raised:
        error, seen = raised, []
        while error is not None and error not in seen:
            seen.append(error)
            error = error.__cause__ or error.__context__
        return "\n".join(map(str, seen))
    return ""


def in_folder(dg, folder):
    """Resources that keep values in a folder."""
    return {"io_manager": dg.FilesystemIOManager(base_dir=str(folder))}


def metadata_path(dg, result, name):
    """The path that a result tells of an asset's value."""
    if dg.name == "resourcekit":
        return result.steps[name].metadata["path"]
    (event,) = result.asset_materializations_for_node(name)
    return event.metadata["path"].value


@same(["+r", "-r"])
def test_row_042_unused_in_materialize(dg):
    """A variable that only an unused resource needs is not read by `materialize`."""
    log = []
    logged = logged_class(dg, log)

    @dg.asset
    def uses(r: logged):
        return r.name

    dg.materialize([uses], resources={"r": logged(), "other": logged(name=dg.EnvVar("SURELY_NOT_SET"))})
    return log


@same("value")
def test_row_054_direct_call(dg, monkeypatch):
    """An asset that is called directly sees the variable's value."""
    monkeypatch.setenv("NAME_OF_R", "value")
    logged = logged_class(dg, [])

    @dg.asset
    def uses(r: logged):
        return r.name

    return uses(logged(name=dg.EnvVar("NAME_OF_R")))


@same((["+r", "first", "second 0", "second 1", "-r"], 2))
def test_row_077_steps_and_retries(dg):
    """Hooks run once for several steps, and are not run again for a retry."""
    log = []
    logged = logged_class(dg, log)

    @dg.op
    def first(r: logged):
        log.append("first")
        return 1

    @dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
    def second(context, r: logged, first):
        log.append(f"second {context.retry_number}")
        if context.retry_number == 0:
            raise ValueError
        return first + 1

    @dg.module.job(resource_defs={"r": logged()})
    def both():
        second(first())

    result = both.execute_in_process()
    return log, result.output_for_node("second")


@same(["+", "async", "sync", "-"])
def test_row_092_async_in_materialize(dg):
    """An async context manager holds for async and sync assets of one materialization."""
    from contextlib import asynccontextmanager

    log = []

    class Held(dg.ConfigurableResource):
        @asynccontextmanager
        async def yield_for_execution(self, context):
            log.append("+")
            yield self
            log.append("-")

    @dg.asset
    async def first(held: Held):
        log.append("async")

    @dg.asset(deps=[first])
    def second(held: Held):
        log.append("sync")

    dg.materialize([first, second], resources={"held": Held()})
    return log


@same((["+r", "body r", "-r"] * 2, ["+r", "body r", "body r", "-r"]))
def test_row_096_direct_call_runs_hooks(dg):
    """A direct call sets its resource up and tears it down; a context that is built does so for its block."""
    log = []
    logged = logged_class(dg, log)

    @dg.asset
    def thing(r: logged):
        log.append(f"body {r.name}")

    @dg.op
    def step(r: logged):
        log.append(f"body {r.name}")

    thing(r=logged())
    step(r=logged())
    of_calls = list(log)
    log.clear()
    with dg.build_op_context(resources={"r": logged()}) as context:
        step(context)
        step(context)
    return of_calls, log


def keeping_class(dg, kept):
    """An IO manager that keeps values in a dict."""

    class Kept(dg.IOManager):
        def handle_output(self, context, obj):
            kept[context.step_key] = obj

        def load_input(self, context):
            return kept[context.upstream_output.step_key]

    return Kept


def two_assets(dg):
    """An asset, and one that takes its value."""

    @dg.asset
    def first():
        return 1

    @dg.asset
    def second(first):
        return first + 1

    return first, second


@same((2, {"first": 1, "second": 2}, True, "plain", True))
def test_row_101_io_manager_factory(dg):
    """A factory's IO manager is used; it may be made by hand; what is none fails only where one is needed."""
    kept = {}
    kept_class = keeping_class(dg, kept)

    class Factory(dg.ConfigurableIOManagerFactory):
        def create_io_manager(self, context):
            return kept_class()

    class Plain(dg.ConfigurableIOManagerFactory):
        def create_io_manager(self, context):
            return "plain"

    first, second = two_assets(dg)

    @dg.asset
    def uses(plain: dg.ResourceParam[str]):
        return plain

    value = dg.materialize([first, second], resources={"io_manager": Factory()}).output_for_node("second")
    by_hand = isinstance(Factory().create_io_manager(None), kept_class)
    plain = dg.materialize([uses], resources={"plain": Plain()}).output_for_node("uses")
    return value, kept, by_hand, plain, failed(dg, lambda: dg.materialize([first], resources={"io_manager": Plain()}))


@same((["setup", "out first", "in first", "out second", "teardown"], 11))
def test_row_102_io_manager_class(dg):
    """An IO manager that is a resource has config and hooks like any other."""
    log = []

    class Keeper(dg.ConfigurableIOManager):
        extra: int

        def setup_for_execution(self, context):
            log.append("setup")
            self._kept = {}

        def teardown_after_execution(self, context):
            log.append("teardown")

        def handle_output(self, context, obj):
            log.append(f"out {context.asset_key.path[-1]}")
            self._kept[context.asset_key] = obj

        def load_input(self, context):
            log.append(f"in {context.asset_key.path[-1]}")
            return self._kept[context.asset_key] + self.extra

    result = dg.materialize(two_assets(dg), resources={"io_manager": Keeper(extra=9)})
    return log, result.output_for_node("second")


@same((True, "the raw client"))
def test_row_108_another_object_in_the_context(dg):
    """A resource may show the context another object than the parameter receives."""
    interface = getattr(dg.module, "IAttachDifferentObjectToOpContext", object)

    class Client(dg.ConfigurableResource, interface):
        def get_object_to_set_on_execution_context(self):
            return "the raw client"

    @dg.asset
    def uses(context, client: Client):
        return isinstance(client, Client), context.resources.client

    return dg.materialize([uses], resources={"client": Client()}).output_for_node("uses")


@same("an upstream value")
def test_row_109_other_annotations(dg):
    """A parameter with any other annotation, that of a plain class too, is an upstream value."""

    @dg.asset
    def thing() -> Plain:
        return Plain("an upstream value")

    @dg.asset
    def takes(thing: Plain) -> str:
        return str(thing)

    return dg.materialize([thing, takes], resources={}).output_for_node("takes")


@better(ours=("error: definition", []), dagster=("Other", ["+o"]))
def test_row_112_wrong_type_for_an_asset(dg):
    """What is of another type than an asset wants is an error before any setup."""
    log = []

    class Wanted(dg.ConfigurableResource):
        x: int = 1

    class Other(dg.ConfigurableResource):
        def setup_for_execution(self, context):
            log.append("+o")

    @dg.asset
    def uses(r: Wanted):
        return type(r).__name__

    def program():
        return dg.materialize([uses], resources={"r": Other()}).output_for_node("uses")

    return dg.attempt(program), log


@same(("job call", "defs", True))
def test_row_115_precedence(dg):
    """A call's resources go before the job's, those before the definitions'; an asset's own brook no other."""

    @dg.op
    def join(b: dg.ResourceParam[str], c: dg.ResourceParam[str]):
        return f"{b} {c}"

    @dg.op
    def one(b: dg.ResourceParam[str]):
        return b

    @dg.module.job(resource_defs={"b": "job", "c": "job"})
    def joining():
        join()

    @dg.module.job
    def plain():
        one()

    logged = logged_class(dg, [])

    @dg.asset(resource_defs={"r": logged()})
    def brings(r: logged):
        return r.name

    defs = dg.Definitions(jobs=[joining, plain], resources={"b": "defs", "c": "defs"})
    joined = defs.get_job_def("joining").execute_in_process(resources={"c": "call"}).output_for_node("join")
    from_defs = defs.get_job_def("plain").execute_in_process().output_for_node("one")
    return joined, from_defs, failed(dg, lambda: dg.materialize([brings], resources={"r": logged(name="other")}))


@same((True, True))
def test_row_116_merging(dg):
    """Merged definitions may share an object under a key, but not have two, be they equal."""
    logged = logged_class(dg, [])
    shared = logged()

    def merge(first, second):
        parts = (dg.Definitions(resources={"r": first}), dg.Definitions(resources={"r": second}))
        return dg.module.Definitions.merge(*parts).resources["r"]

    return merge(shared, shared) is shared, failed(dg, lambda: merge(logged(), logged()))


@same(True)
def test_row_118_asked_twice(dg):
    """`required_resource_keys` beside a parameter that is a resource is an error."""
    logged = logged_class(dg, [])

    def program():
        @dg.asset(required_resource_keys={"other"})
        def uses(r: logged): ...

    return failed(dg, program)


@same((True, True))
def test_row_119_context_resources(dg):
    """The context has the very object of the parameter; a key that was not asked for is an error that names it."""
    logged = logged_class(dg, [])

    @dg.asset
    def uses(context, r: logged):
        message = dg.message(lambda: context.resources.other)
        return context.resources.r is r, "other" in message

    return dg.materialize([uses], resources={"r": logged(), "other": logged()}).output_for_node("uses")


@same((True, 2))
def test_row_134_materialize(dg):
    """`materialize` tells of success, and has each asset's value."""

    class Number(dg.ConfigurableResource):
        x: int

    @dg.asset
    def double(number: Number):
        return 2 * number.x

    result = dg.materialize([double], resources={"number": Number(x=1)})
    return result.success, result.output_for_node("double")


@same((["keyword", "position", "context"], True))
def test_row_135_direct_call(dg):
    """A direct call takes a resource by keyword, by position or by a context, and not by two of them."""
    logged = logged_class(dg, [])

    @dg.asset
    def uses(r: logged):
        return r.name

    def context(name):
        return dg.build_asset_context(resources={"r": logged(name=name)})

    with context("context") as built:
        found = [uses(r=logged(name="keyword")), uses(logged(name="position")), uses(built)]
        return found, failed(dg, lambda: uses(built, r=logged()))


@better(
    ours={"path": ["shop/orders"], "protocol": b"\x80\x04", "replaced": [2], "after a failure": [2]},
    dagster={"path": ["shop/orders"], "protocol": b"\x80\x04", "replaced": [2], "after a failure": "damaged"},
)
def test_row_138_files_of_assets(dg, tmp_path):
    """An asset's file is named by its key and holds a pickle; a new value replaces it at once, or not at all."""

    def store(value):
        @dg.asset(key_prefix="shop", name="orders")
        def orders():
            return value

        dg.materialize([orders], resources=in_folder(dg, tmp_path))

    store([1])
    store([2])
    path = tmp_path / "shop" / "orders"
    found = {"path": files(tmp_path), "protocol": path.read_bytes()[:2], "replaced": pickle.loads(path.read_bytes())}
    assert failed(dg, lambda: store([3, lambda: 1]))
    try:
        after = pickle.loads(path.read_bytes())
    except Exception:
        after = "damaged"
    return {**found, "after a failure": after}


@same(["step/result"])
def test_row_139_files_of_ops(dg, tmp_path):
    """An op's value is the file of run, step and output."""

    @dg.op
    def step():
        return 1

    @dg.module.job(resource_defs=in_folder(dg, tmp_path))
    def whole():
        step()

    result = whole.execute_in_process()
    return files(tmp_path / result.run_id)


@same({"missing": "path is told", "unpicklable": "memory is proposed"})
def test_row_142_errors_of_files(dg, tmp_path):
    """A missing file is told with its path; a value that is no pickle with the proposal to keep it in memory."""
    first, second = two_assets(dg)

    @dg.asset
    def strange():
        return lambda: 1

    def load():
        dg.materialize([first, second], selection=[second], resources=in_folder(dg, tmp_path))

    def store():
        dg.materialize([strange], resources=in_folder(dg, tmp_path))

    assert dg.attempt(load) in ("error: FileNotFoundError", "error: NotStoredError")
    missing = "path is told" if str(tmp_path / "first") in told(load) else "not told"
    proposal = "memory is proposed" if "mem" in told(store).lower() else "nothing"
    return {"missing": missing, "unpicklable": proposal}


@same(["says_nothing"])
def test_row_143_none(dg, tmp_path):
    """None is stored, unless the annotation says that there is nothing, or a result without a value is given."""

    @dg.asset
    def says_nothing():
        return None

    @dg.asset
    def annotated() -> None:
        return None

    @dg.asset
    def stored_elsewhere() -> dg.MaterializeResult:
        return dg.MaterializeResult()

    dg.materialize([says_nothing, annotated, stored_elsewhere], resources=in_folder(dg, tmp_path))
    return files(tmp_path)


@better(
    ours={"absent": True, "variable": True, "path": True, "none": True},
    dagster={"absent": True, "variable": True, "path": False, "none": True},
)
def test_row_144_base_dir(dg, tmp_path, monkeypatch):
    """The directory is made; a variable, a Path, or nothing may say which it is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STORE", str(tmp_path / "variable"))

    @dg.asset
    def thing():
        return 1

    def stores(base_dir):
        try:
            dg.materialize([thing], resources={"io_manager": dg.FilesystemIOManager(base_dir=base_dir)})
        except Exception:
            return False
        return True

    found = {
        "absent": stores(str(tmp_path / "absent" / "inner")),
        "variable": stores(dg.EnvVar("STORE")),
        "path": stores(tmp_path / "path"),
        "none": stores(None),
    }
    assert {"absent/inner/thing", "variable/thing"} <= {*files(tmp_path)}
    return found


@better(ours=True, dagster=False)
def test_row_145_traversal(dg, tmp_path):
    """Whatever is in a key, its file is inside the directory."""

    @dg.asset(key=["..", "outside"])
    def hostile():
        return 1

    dg.materialize([hostile], resources=in_folder(dg, tmp_path / "base"))
    (found,) = files(tmp_path)
    return found.startswith("base/")


@same((True, 1))
def test_row_146_metadata_and_loading(dg, tmp_path):
    """The result tells where a value is; definitions load it again."""
    first, _ = two_assets(dg)
    defs = dg.Definitions(assets=[first], resources=in_folder(dg, tmp_path))
    result = dg.materialize([first], resources=in_folder(dg, tmp_path))
    return metadata_path(dg, result, "first") == str(tmp_path / "first"), defs.load_asset_value("first")


@same((False, True))
def test_row_147_the_class_is_a_factory(dg, tmp_path):
    """The file-system IO manager's class makes the object that keeps values."""
    manager = dg.FilesystemIOManager(base_dir=str(tmp_path))
    return hasattr(manager, "handle_output"), hasattr(manager.create_io_manager(None), "handle_output")
