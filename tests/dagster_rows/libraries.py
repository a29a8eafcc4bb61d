"""Two libraries under one set of names, so that one program runs with both.

A `Library` has every name of its module (`dg.ConfigurableResource`, `dg.EnvVar`). What the two spell differently, a
run, its config, a field with a constraint, it has under a name of its own. Dagster is in `dagster_library`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any, ClassVar
from unittest.mock import MagicMock

import attrs

import resourcekit
from resourcekit.declarations.fields import METADATA

__all__ = ("Library", "ResourceKit")


class Library:
    """What programs are written against."""

    name: ClassVar[str]
    kinds: ClassVar[Mapping[str, str]]  # What both libraries' errors are called, by the name of the error's class.

    def __init__(self, module: ModuleType) -> None:
        self.module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self.module, name)

    def run(self, resources: Mapping[str, Any], *keys: str, config: Any = None) -> Any:
        """A run of *resources*, or of the *keys* alone; *config* has field values by key."""
        raise NotImplementedError

    def run_async(self, resources: Mapping[str, Any], body: Callable[[Any], Any], *, is_running: bool = False) -> None:
        """A run of resources with async hooks; opened inside a running event loop, or with one of its own."""
        raise NotImplementedError

    def options(self, config: Any = None) -> dict[str, Any]:
        """What an execution is called with: *config* has field values by key."""
        raise NotImplementedError

    def in_op(self, function: Any, resources: Mapping[str, Any], config: Any = None) -> Any:
        """What *function* gives as the op of a job, with the resources that its parameters ask for."""
        step = function if isinstance(function, self.OpDefinition) else self.op(name="step")(function)

        @self.job
        def whole() -> None:
            step()

        definitions = self.Definitions(jobs=[whole], resources=resources)
        result = definitions.get_job_def("whole").execute_in_process(**self.options(config))
        return result.output_for_node("step")

    def in_asset(self, function: Callable[..., Any], resources: Mapping[str, Any]) -> Any:
        """What *function* gives as an asset."""
        thing = self.asset(name="thing")(function)
        return self.materialize([thing], resources=resources, **self.options()).output_for_node("thing")

    def in_job(self, body: Callable[[Any], Any], resources: Mapping[str, Any], *keys: str, config: Any = None) -> Any:
        """What *body* gives, in a job that needs the *keys* alone, of its context's resources."""

        @self.op(required_resource_keys=set(keys or resources))
        def step(context):  # type: ignore[no-untyped-def]
            return body(context.resources)

        return self.in_op(step, resources, config)

    def call_directly(self, function: Callable[..., Any], resources: Mapping[str, Any]) -> Any:
        """Call *function* itself, an op, with a context that has the resources."""
        return self.op(name="step")(function)(self.build_op_context(resources=dict(resources)))

    def kind(self, error: BaseException) -> str:
        """The kind of an error, in a word that both libraries share; a user's own by its class's name."""
        found = (self.kinds[cls.__name__] for cls in type(error).__mro__ if cls.__name__ in self.kinds)
        return next(found, type(error).__name__)

    def attempt(self, program: Callable[..., Any], *arguments: Any) -> Any:
        """What *program* gives, or the kind of error it raises."""
        try:
            return program(*arguments)
        except BaseException as error:
            return f"error: {self.kind(error)}"

    def message(self, program: Callable[[], Any]) -> str:
        """All that a user is shown of the error that *program* raises: its text, its notes, and what it comes from."""
        try:
            program()
        except BaseException as error:
            return "\n".join(_texts(error))
        raise AssertionError("the program was to fail, and did not")

    def class_with(self, **fields: Any) -> Any:
        """A resource class with these fields."""
        return type("Typed", (self.ConfigurableResource,), {"__annotations__": fields, "__module__": __name__})

    def live(self, resource: Any, read: Callable[[Any], Any] = lambda live: live, config: Any = None) -> Any:
        """What *read* finds in a run's copy of *resource*, whose key is ``r``."""
        with self.run({"r": resource}, config=None if config is None else {"r": config}) as resources:
            return read(resources.r)


def _texts(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield from (str(error), *getattr(error, "__notes__", ()))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


class Config:
    """A nested class of config, as an attrs class: what Dagster calls a Config."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        attrs.define(slots=False, kw_only=True)(cls)


class ResourceKit(Library):
    """resourcekit."""

    name = "resourcekit"
    kinds: ClassVar = {
        "InvalidFieldError": "invalid field",
        "DefinitionError": "definition",
        "InjectionError": "definition",
        "FrozenResourceError": "frozen",
        "UnresolvedError": "unresolved",
        "UnknownKeyError": "unknown key",
        "ConfigError": "config",
        "PlanError": "plan",
        "TeardownError": "teardown",
    }
    Config = Config
    Resource = resourcekit.ConfigurableResource
    secret = staticmethod(resourcekit.secret)

    def __init__(self) -> None:
        super().__init__(resourcekit)

    def run_at_once(self, resources: Mapping[str, Any]) -> None:
        """A run that sets up at the same time what can be."""
        with resourcekit.ResourceContainer.of(resources).run(concurrent=True):
            pass

    def at_least(self, least: int, **options: Any) -> Any:
        """A field with a constraint."""
        return resourcekit.field(validator=attrs.validators.ge(least), **options)

    def long_enough(self, length: int, **options: Any) -> Any:
        """A text field with a constraint."""
        return resourcekit.field(validator=attrs.validators.min_len(length), **options)

    def checked_class(self, check: Callable[[int], None]) -> Any:
        """A resource class whose field ``x`` has a validator of its own, which raises."""

        class Checked(resourcekit.ConfigurableResource):
            x: int = resourcekit.field(validator=lambda _resource, _field, value: check(value))

        return Checked

    def finished_class(self, finish: Callable[[], None]) -> Any:
        """A resource class with a field ``x``, that calls *finish* when it has its values."""

        class Finished(resourcekit.ConfigurableResource):
            x: int

            def __attrs_post_init__(self) -> None:
                finish()

        return Finished

    def class_with_state(self, factory: Callable[[], Any]) -> Any:
        """A resource class without fields, whose private ``_calls`` begins as what *factory* makes."""

        class WithState(resourcekit.ConfigurableResource):
            _calls: Any = resourcekit.state(factory=factory)

        return WithState

    def tagged(self, tag: str) -> Any:
        """A field that holds one of several classes, told apart by their field *tag*: a union says it all."""
        return resourcekit.field()

    def foreign_field(self) -> Any:
        """The field of another library, which a user of both may mistake for ours: what pydantic's Field gives."""
        return type("FieldInfo", (), {"__module__": "pydantic.fields"})()

    def bad_field_type(self) -> Any:
        """A type that no field can have."""

        class Clients(resourcekit.ConfigurableResourceFactory[int]):
            def create_resource(self) -> int:
                return 1

        return Clients

    def copy_with(self, resource: Any, **changes: Any) -> Any:
        """A changed copy."""
        return resourcekit.replace(resource, **changes)

    def described_class(self, context: Any) -> str:
        """The class that a hook's context says it is about."""
        return type(context.resource).__name__

    def describe(self, cls: type) -> tuple[str | None, dict[str, str]]:
        """What is said of a resource class, and of its fields."""
        options = {each.alias: each.metadata[METADATA] for each in attrs.fields(cls) if METADATA in each.metadata}
        return cls.__doc__, {name: each.description for name, each in options.items()}

    def run(self, resources: Mapping[str, Any], *keys: str, config: Any = None) -> Any:
        """A run of a container made of *resources*."""
        return resourcekit.ResourceContainer.of(resources).run(*keys, config=config)

    def options(self, config: Any = None) -> dict[str, Any]:
        """Config as it is."""
        return {"config": config, "progress": False}

    def run_async(self, resources: Mapping[str, Any], body: Callable[[Any], Any], *, is_running: bool = False) -> None:
        """The same either way."""

        async def main() -> None:
            async with self.run(resources) as live:
                body(live)

        asyncio.run(main())

    def in_job_with_typed_config(self, body: Callable[[Any], Any], resources: Mapping[str, Any], config: Any) -> Any:
        """`in_job` with config that is made of resources."""
        return self.in_job(body, resources, config=config)

    def circle(self) -> dict[str, Any]:
        """Two keys that need one another."""

        class Part(resourcekit.ConfigurableResource):
            other: resourcekit.ConfigurableResource

        return {"a": Part(other=resourcekit.ref("b")), "b": Part(other=resourcekit.ref("a"))}

    def maker(self, function: Callable[..., Any]) -> Any:
        """A resource that vends what *function* returns or yields; it takes the context, or nothing."""

        class Short(resourcekit.ConfigurableResourceFactory[Any]):
            def create_resource(self) -> Any:
                return function()

        class Yielding(resourcekit.ConfigurableResourceFactory[Any]):
            def create_resource(self, context: Any) -> Any:
                yield from function(context)

        class Returning(resourcekit.ConfigurableResourceFactory[Any]):
            def create_resource(self, context: Any) -> Any:
                return function(context)

        if not inspect.signature(function).parameters:
            return Short()
        return Yielding() if inspect.isgeneratorfunction(function) else Returning()

    def maker_that_needs(self, key: str, function: Callable[[Any], Any]) -> Any:
        """A resource that vends what *function* makes of another key's object."""

        class Needing(resourcekit.ConfigurableResourceFactory[Any]):
            needed: Any

            def create_resource(self) -> Any:
                return function(self.needed)

        return Needing(needed=resourcekit.ref(key))

    def configured_maker(self, x: int) -> Any:
        """A resource that vends the number that it is configured with."""

        class Configured(resourcekit.ConfigurableResourceFactory[int]):
            x: int

            def create_resource(self) -> int:
                return self.x

        return Configured(x=x)

    def make_by_hand(self, function: Callable[..., Any]) -> Any:
        """What a resource of *function* vends, made with a context of one's own."""
        return self.maker(function).create_resource(resourcekit.RunContext(key="r"))

    def ready_made(self) -> dict[str, Any]:
        """What needs no class: here any object does."""
        return {"none": None, "hardcoded": 5, "text": "text", "mock": MagicMock(), "values": {"a": 1}}

    def class_that_keeps_its_context(self) -> Any:
        """A resource class from whose resources `context_of` has the context: it is kept when it is set up."""

        class Keeping(resourcekit.ConfigurableResource):
            def setup_for_execution(self, context: Any) -> None:
                self._context = context

        return Keeping

    def context_of(self, resource: Any) -> Any:
        """The context of a resource that is up."""
        return resource._context

    def bound(self, resource: Any, context: Any) -> Any:
        """A copy of a resource with a context."""
        copy = resourcekit.replace(resource)
        copy._context = context
        return copy

    def made_context(self, config: Mapping[str, Any], resources: Mapping[str, Any]) -> Any:
        """A context made by hand: that of a resource with this config and these needs."""
        needs = dict.fromkeys(resources, resourcekit.ResourceDependency[Any])
        cls = self.class_with(**dict.fromkeys(config, Any), **needs)
        return resourcekit.RunContext(key="r", resource=cls(**config, **resources))

    def made_of(self, cls: Any, config: Any, resources: Mapping[str, Any], read: Callable[[Any], Any]) -> Any:
        """What *read* finds in a resource made of config and of resources with the names of its fields."""
        made = cls.configure_at_launch(**{key: resourcekit.ref(key) for key in resources})
        with self.run({"r": made, **resources}, config={"r": config}) as live:
            return read(live.r)

    def opened(self, resource: Any) -> Any:
        """A resource by itself, in a `with`."""
        return resourcekit.open_resource(resource)

    def run_by_itself(self, resources: Mapping[str, Any]) -> Any:
        """A run with nothing prepared for it."""
        return self.run(resources)

    def marked_as_secret(self) -> Any:
        """A field that is marked as a secret."""
        return resourcekit.secret()
