"""Real Dagster, as a `Library`: the only module here that imports it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import dagster
import pydantic
from dagster._config.pythonic_config import ConfigurableResourceFactory

from tests.dagster_rows.libraries import Library

__all__ = ("Dagster",)

_QUIET: Final = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class Dagster(Library):
    """Dagster, on an ephemeral instance: nothing is stored, nobody is called."""

    name = "dagster"
    kinds: ClassVar = {
        "ValidationError": "invalid field",
        "DagsterInvalidDefinitionError": "definition",
        "DagsterInvalidConfigDefinitionError": "definition",
        "DagsterInvalidPythonicConfigDefinitionError": "definition",
        "DagsterInvalidConfigError": "config",
        "DagsterUnknownResourceError": "unknown key",
        "CheckError": "check",
        "SchemaError": "definition",
    }
    Config = dagster.Config
    ConfigurableResourceFactory = ConfigurableResourceFactory
    Resource = dagster.ConfigurableResource[Any]
    Field = staticmethod(pydantic.Field)

    def __init__(self) -> None:
        super().__init__(dagster)
        self.instance = dagster.DagsterInstance.ephemeral()

    def run(self, resources: Mapping[str, Any], *keys: str, config: Any = None) -> Any:
        """A scope of `build_resources`."""
        chosen = {key: resources[key] for key in keys} if keys else dict(resources)
        return dagster.build_resources(chosen, instance=self.instance, resource_config=_blocks(config))

    def run_async(self, resources: Mapping[str, Any], body: Callable[[Any], Any], *, is_running: bool = False) -> None:
        """A scope with an event loop, which Dagster wants to run itself."""

        def scope(loop: asyncio.AbstractEventLoop) -> None:
            with dagster.build_resources(dict(resources), instance=self.instance, event_loop=loop) as live:
                body(live)

        async def main() -> None:
            scope(asyncio.get_running_loop())

        try:
            if is_running:
                asyncio.run(main())
            else:
                with contextlib.closing(asyncio.new_event_loop()) as loop:
                    scope(loop)
        finally:
            gc.collect()  # What Dagster never awaits warns here, where it is ignored.

    def options(self, config: Any = None) -> dict[str, Any]:
        """Config as Dagster writes it, without its log."""
        return {"instance": self.instance, "run_config": {"resources": _blocks(config) or {}, **_QUIET}}

    def run_at_once(self, resources: Mapping[str, Any]) -> None:
        """A scope: there is no other way to set up."""
        with self.run(resources):
            pass

    def at_least(self, least: int, **options: Any) -> Any:
        """A field with a constraint."""
        return pydantic.Field(ge=least, **options)

    def long_enough(self, length: int, **options: Any) -> Any:
        """A text field with a constraint."""
        return pydantic.Field(min_length=length, **options)

    def secret(self, **options: Any) -> Any:
        """A field that is not for everybody."""
        return pydantic.Field(exclude=True, **options)

    def tagged(self, tag: str) -> Any:
        """A field that holds one of several classes, told apart by their field *tag*."""
        return pydantic.Field(discriminator=tag)

    def foreign_field(self) -> Any:
        """The field of another library, which a user of both may mistake for pydantic's: Dagster's own."""
        return dagster.Field(str)

    def checked_class(self, check: Callable[[int], None]) -> Any:
        """A resource class whose field ``x`` has a validator of its own, which raises."""

        class Checked(dagster.ConfigurableResource):
            x: int

            @pydantic.field_validator("x")
            def _check(cls, value: int) -> int:  # noqa: N805  # pydantic's way
                check(value)
                return value

        return Checked

    def finished_class(self, finish: Callable[[], None]) -> Any:
        """A resource class with a field ``x``, that calls *finish* when it has its values."""

        class Finished(dagster.ConfigurableResource):
            x: int

            @pydantic.model_validator(mode="after")
            def _finish(self) -> Any:
                finish()
                return self

        return Finished

    def class_with_state(self, factory: Callable[[], Any]) -> Any:
        """A resource class without fields, whose private ``_calls`` begins as what *factory* makes."""

        class WithState(dagster.ConfigurableResource):
            _calls: Any = pydantic.PrivateAttr(default_factory=factory)

        return WithState

    def bad_field_type(self) -> Any:
        """A type that no field can have."""
        return bytes

    def copy_with(self, resource: Any, **changes: Any) -> Any:
        """A changed copy."""
        return resource.model_copy(update=changes)

    def described_class(self, context: Any) -> str:
        """The class that a hook's context says it is about."""
        return str(context.resource_def.configurable_resource_cls.__name__)

    def ref(self, key: str) -> Any:
        """The nearest that there is to naming another key: its name."""
        return key

    def describe(self, cls: Any) -> tuple[str | None, dict[str, str | None]]:
        """What is said of a resource class, and of its fields."""
        definition = cls.configure_at_launch().get_resource_definition()
        schema = definition.config_schema.config_type.fields
        return definition.description, {name: each.description for name, each in schema.items() if each.description}

    def in_job_with_typed_config(self, body: Callable[[Any], Any], resources: Mapping[str, Any], config: Any) -> Any:
        """`in_job` with config that is made of resources."""
        typed = dagster.RunConfig(resources=dict(config)).to_config_dict()["resources"]
        return self.in_job(body, resources, config={key: block["config"] for key, block in typed.items()})

    def circle(self) -> dict[str, Any]:
        """Two keys that need one another."""

        @dagster.resource(required_resource_keys={"b"})
        def a(context):  # type: ignore[no-untyped-def]
            return 1

        @dagster.resource(required_resource_keys={"a"})
        def b(context):  # type: ignore[no-untyped-def]
            return 2

        return {"a": a, "b": b}

    def maker(self, function: Callable[..., Any]) -> Any:
        """A resource of a function; it takes the context, or nothing."""
        return dagster.resource(function)

    def maker_that_needs(self, key: str, function: Callable[[Any], Any]) -> Any:
        """A resource that vends what *function* makes of another key's object."""

        @dagster.resource(required_resource_keys={key})
        def needing(context):  # type: ignore[no-untyped-def]
            return function(getattr(context.resources, key))

        return needing

    def configured_maker(self, x: int) -> Any:
        """A resource that vends the number that it is configured with."""

        @dagster.resource(config_schema={"x": int})
        def configurable(context):  # type: ignore[no-untyped-def]
            return context.resource_config["x"]

        return configurable.configured({"x": x})

    def make_by_hand(self, function: Callable[..., Any]) -> Any:
        """What a resource of *function* vends, made with a context of one's own."""
        return dagster.resource(function)(dagster.build_init_resource_context())

    def ready_made(self) -> dict[str, Any]:
        """What Dagster has for what needs no class."""
        definition = dagster.ResourceDefinition
        return {
            "none": definition.none_resource(),
            "hardcoded": definition.hardcoded_resource(5),
            "text": definition.string_resource().configured("text"),
            "mock": definition.mock_resource(),
            "values": dagster.make_values_resource(a=int).configured({"a": 1}),
        }

    def class_that_keeps_its_context(self) -> Any:
        """A resource class from whose resources `context_of` has the context: any."""
        return dagster.ConfigurableResource

    def context_of(self, resource: Any) -> Any:
        """The context of a resource that is up."""
        return resource.get_resource_context()

    def bound(self, resource: Any, context: Any) -> Any:
        """A copy of a resource with a context."""
        return resource.with_replaced_resource_context(context)

    def made_context(self, config: Mapping[str, Any], resources: Mapping[str, Any]) -> Any:
        """A context made by hand."""
        return dagster.build_init_resource_context(config=dict(config), resources=dict(resources))

    def made_of(self, cls: Any, config: Any, resources: Mapping[str, Any], read: Callable[[Any], Any]) -> Any:
        """What *read* finds in a resource made of a context with config and resources."""
        with cls.from_resource_context_cm(self.made_context(config, resources)) as live:
            return read(live)

    def opened(self, resource: Any) -> Any:
        """A resource by itself, in a `with`."""
        return resource.process_config_and_initialize_cm()

    def run_by_itself(self, resources: Mapping[str, Any]) -> Any:
        """A scope with nothing prepared for it."""
        return dagster.build_resources(dict(resources))

    def marked_as_secret(self) -> Any:
        """A field that is marked as a secret."""
        return pydantic.Field(json_schema_extra={"dagster__is_secret": True})

    def kind(self, error: BaseException) -> str:
        """The kind of an error; what wraps a user's error counts as that."""
        cause = error.__cause__
        if isinstance(error, dagster.DagsterUserCodeExecutionError) and cause is not None:
            return self.kind(cause)
        is_frozen = "does not support item assignment" in str(error) or "frozen_instance" in str(error)
        return "frozen" if is_frozen else super().kind(error)


def _blocks(config: Any) -> Any:
    return None if config is None else {key: {"config": fields} for key, fields in config.items()}
