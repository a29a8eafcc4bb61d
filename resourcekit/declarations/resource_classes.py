"""`ConfigurableResource`: a typed, frozen description of something in the outside world."""

from __future__ import annotations

import inspect
from abc import ABCMeta, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Literal,
    Self,
    TypeVar,
    dataclass_transform,
    overload,
)

import attrs

from resourcekit.base.caller import caller_location, caller_place
from resourcekit.base.errors import (
    DefinitionError,
    FrozenResourceError,
    InvalidFieldError,
    Location,
    Problem,
    kind_in_words,
    nothing_injects,
)
from resourcekit.base.masking import Shown
from resourcekit.base.settings import ResourceSettings
from resourcekit.declarations.class_maker import make_resource_class
from resourcekit.declarations.construction import construct, finish, replaced
from resourcekit.declarations.fields import Field, field, secret, state
from resourcekit.declarations.from_env import AtLaunch, awaits_config, variable
from resourcekit.declarations.hooks import default_hook
from resourcekit.declarations.record import raw_values, record_of, spec_of
from resourcekit.declarations.spec import RECORD, ResourceSpec
from resourcekit.declarations.values import is_resource

if TYPE_CHECKING:
    from resourcekit.declarations.context import RunContext

__all__ = ("ConfigurableResource", "ConfigurableResourceFactory", "replace")

T_co = TypeVar("T_co", covariant=True)
R = TypeVar("R", bound="ConfigurableResource")


@dataclass_transform(
    kw_only_default=True, frozen_default=False, eq_default=False, field_specifiers=(field, secret, state, Field)
)
class ConfigurableResource(metaclass=ABCMeta):  # noqa: B024  # a subclass may have abstract methods
    """A resource: subclass it, annotate its fields, add hooks and methods.

    The subclass is an attrs class at once: keyword-only, frozen, compared by its values. Names that begin
    with an underscore are private state and may be set at any time.

    Class keywords:
        scope: ``"run"`` (the default): set up once per run; ``"app"``: once per entered container.
        threads: False keeps the hooks in the run's own thread and task, also in a concurrent start.
        setup_timeout: How long each set-up hook may take, in seconds; None (the default): as the container says.
        teardown_timeout: The same for each teardown hook.

    Args:
        **arguments: One keyword per field: a value of its type, or a deferred value (`EnvVar`, `FileVar`, `ref`,
            a `Deferred` of your own, any dependency-injector provider).

    Raises:
        InvalidFieldError: Arguments are missing, unknown or of the wrong type; all of them are told.
        DefinitionError: The class itself is wrong.

    >>> class Database(ConfigurableResource):
    ...     host: str
    ...     port: int = 5432
    ...     password: str = secret()
    >>> Database(host="localhost", password="hunter2")
    Database(host='localhost', port=5432, password='***')
    """

    if TYPE_CHECKING:
        __attrs_attrs__: ClassVar[Any]

        # Overridden sync or async, as a generator, with the context parameter or without it.
        def setup_for_execution(self, *args: Any, **kwargs: Any) -> Any: ...
        def teardown_after_execution(self, *args: Any, **kwargs: Any) -> Any: ...
        def yield_for_execution(self, *args: Any, **kwargs: Any) -> Any: ...

        def __init_subclass__(
            cls,
            *,
            scope: Literal["run", "app"] = "run",
            threads: bool = True,
            setup_timeout: float | None = None,
            teardown_timeout: float | None = None,
            **options: Any,
        ) -> None: ...

    else:

        def __init_subclass__(cls, **options):
            settings = {name: options.pop(name) for name in ResourceSettings.names() & options.keys()}
            try:
                super().__init_subclass__(**options)
            except TypeError as error:
                if options and "takes no keyword arguments" in str(error):  # Python's own words: no mix-in takes them.
                    raise ResourceSettings.unknown(cls.__qualname__, options) from error
                raise
            make_resource_class(cls, settings)

        def __new__(cls, *args, **arguments):
            getattr(cls, RECORD).check_intact()
            return object.__new__(cls)

        def __init__(self, *args, **arguments):
            if args:
                args = ()  # A traceback may show it.
                arguments.clear()
                raise InvalidFieldError(type(self).__qualname__, [_positional(type(self).__name__, caller_location())])
            construct(self, arguments, caller_place())

        def __setattr__(self, name, value):
            _allow_change(self, name)
            object.__setattr__(self, name, value)

        def __delattr__(self, name):
            _allow_change(self, name)
            object.__delattr__(self, name)

        def __replace__(self, /, **changes):
            _refuse_live(self)
            return replaced(self, changes, caller_place())

        def __setstate__(self, state):
            self.__dict__.update(state)
            finish(self, record_of(self))

        @default_hook
        def setup_for_execution(self, context):
            """Open what the resource needs; called before anything that uses it. Override it, sync or async.

            Args:
                context: The `RunContext`; an override may leave the parameter out.

            >>> ConfigurableResource.setup_for_execution(None, None)
            """

        @default_hook
        def teardown_after_execution(self, context):
            """Close what `setup_for_execution` opened; called whatever happened. Override it, sync or async.

            Args:
                context: The `RunContext`; its ``exception`` says how the run went.

            >>> ConfigurableResource.teardown_after_execution(None, None)
            """

        @default_hook
        def yield_for_execution(self, context):
            """Setup, use and teardown in one context manager or generator. Override it in place of the two hooks.

            Args:
                context: The `RunContext`; an override may leave the parameter out.

            Returns:
                A context manager, sync or async as the class's own hooks are, that runs them around its body.

            >>> from resourcekit import RunContext
            >>> class Plain(ConfigurableResource):
            ...     pass
            >>> with Plain().yield_for_execution(RunContext(key="plain")) as plain:
            ...     plain
            Plain()
            """
            hooks = spec_of(self).hooks
            return (_awhole if attrs.evolve(hooks, whole=None).first_async else _whole)(self, context)

    @classmethod
    def from_env(cls, prefix: str = "") -> Self:
        """A declaration whose every field comes from an environment variable.

        Args:
            prefix: What the variables' names begin with; ``"DB_"`` gives ``DB_HOST`` for ``host``.

        Returns:
            ``EnvVar(prefix + FIELD)`` in every field that the constructor takes; a field's default is the
            variable's default. A default that is deferred or a resource, or is made of other fields, is kept.

        Raises:
            InvalidFieldError: A field needs a resource and has no default: no variable can give it one.
            DefinitionError: *prefix* is no text.

        >>> class Database(ConfigurableResource):
        ...     host: str
        ...     port: int = 5432
        >>> Database.from_env("DB_")
        Database(host=EnvVar('DB_HOST'), port=EnvVar('DB_PORT', default=...))
        """
        if not isinstance(prefix, str):
            raise DefinitionError(f"from_env wants the text that the variables begin with, not {kind_in_words(prefix)}")
        spec: ResourceSpec = getattr(cls, RECORD)
        found = {field.alias: variable(field, prefix) for field in spec.by_alias.values()}
        return cls(**{alias: each for alias, each in found.items() if each is not None})

    @classmethod
    def configure_at_launch(cls, **given: Any) -> Self:
        """A declaration whose missing values the config of a run gives: ``run(config={"database": {...}})``.

        Args:
            **given: Fields with a value already, as in the constructor; a run's config has precedence.

        Returns:
            A declaration. A run without a value for one of its required fields is refused, and says what to give.

        Raises:
            InvalidFieldError: A keyword is unknown, a value does not fit, or a field needs a resource and has no
                default: no config can give it one.

        >>> from resourcekit import ResourceContainer
        >>> class Database(ConfigurableResource):
        ...     host: str
        ...     port: int = 5432
        >>> class App(ResourceContainer):
        ...     database = Database.configure_at_launch(port=5433)
        >>> with App().run(config={"database": {"host": "localhost"}}) as resources:
        ...     resources.database
        Database(host=<run(config=...)>, port=5433)
        """
        spec: ResourceSpec = getattr(cls, RECORD)
        missing = (field.alias for field in spec.by_alias.values() if awaits_config(field))
        return cls(**{**{alias: AtLaunch() for alias in missing}, **given})

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Callable[[Any], Any]) -> Any:
        """Tell pydantic, which FastAPI asks for the form of a parameter, that a resource has none.

        Raises:
            DefinitionError: It has none; a model that allows arbitrary types may hold it all the same.
        """
        try:
            return handler(source)
        except Exception as error:
            raise nothing_injects(cls.__qualname__) from error

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if type(self) is not type(other) or record_of(self).live or record_of(other).live:
            return NotImplemented if type(self) is not type(other) else False
        return raw_values(self) == raw_values(other)

    def __hash__(self) -> int:
        if record_of(self).live:
            return object.__hash__(self)
        return hash((type(self), *(_hashed(value) for value in raw_values(self).values())))

    def __repr__(self) -> str:
        return spec_of(self).represent(self, 0)

    def __rich_repr__(self) -> Iterator[tuple[str, Shown]]:
        """What rich shows, which would look into the fields of an attrs class by itself."""
        return ((alias, Shown(text)) for alias, text in spec_of(self).shown(self, 0))

    def __getstate__(self) -> dict[str, Any]:
        _refuse_live(self)
        kept = {name: self.__dict__[name] for name in spec_of(self).by_name if name in self.__dict__}
        return {**kept, RECORD: record_of(self)}


# The base class has no fields of its own.
setattr(ConfigurableResource, RECORD, ResourceSpec(ConfigurableResource))


class ConfigurableResourceFactory(ConfigurableResource, Generic[T_co]):
    """A resource that vends another object: its users receive the T that `create_resource` gives.

    >>> import sqlite3
    >>> from contextlib import closing
    >>> class Sqlite(ConfigurableResourceFactory[sqlite3.Connection]):
    ...     path: str = ":memory:"
    ...
    ...     def create_resource(self, context):
    ...         with closing(sqlite3.connect(self.path)) as connection:
    ...             yield connection
    >>> from resourcekit import open_resource
    >>> with open_resource(Sqlite()) as connection:
    ...     connection.execute("select 1").fetchone()
    (1,)
    """

    if TYPE_CHECKING:

        def create_resource(
            self, *args: Any, **kwargs: Any
        ) -> (
            T_co
            | Iterator[T_co]
            | AsyncIterator[T_co]
            | Awaitable[T_co]
            | AbstractContextManager[T_co, bool | None]
            | AbstractAsyncContextManager[T_co, bool | None]
        ): ...

        def __vended__(self) -> T_co: ...  # How `fields.Vends` knows a factory.

        @overload
        def __get__(self, instance: None, owner: Any = None, /) -> Self: ...
        @overload
        def __get__(self, instance: object, owner: Any = None, /) -> T_co: ...
        def __get__(self, instance: object, owner: Any = None, /) -> Any: ...

    else:

        @abstractmethod
        def create_resource(self, context):
            """Make what users receive.

            Args:
                context: The `RunContext`; an override may leave the parameter out.

            Returns:
                The object; or be a generator that yields it once and then cleans up, async or not, or a method
                under ``@contextmanager``.

            >>> class Greeting(ConfigurableResourceFactory[str]):
            ...     def create_resource(self):
            ...         return "hello"
            >>> Greeting().create_resource()
            'hello'
            """


getattr(ConfigurableResourceFactory, RECORD).factory = ConfigurableResourceFactory


def replace(resource: R, /, **changes: Any) -> R:
    """A changed copy of a declaration; what does not change is not converted again.

    Args:
        resource: The declaration; its deferred values stay deferred.
        **changes: New values by constructor keyword.

    Returns:
        A new declaration of the same class.

    Raises:
        InvalidFieldError: A keyword is unknown, or a value does not fit.
        TypeError: *resource* is no resource, or a live one.

    >>> from resourcekit import EnvVar
    >>> class Database(ConfigurableResource):
    ...     host: str
    ...     port: int = 5432
    >>> replace(Database(host=EnvVar("DB_HOST")), port=5433)
    Database(host=EnvVar('DB_HOST'), port=5433)
    """
    if not is_resource(resource):
        raise TypeError(f"replace() wants a resource, not {kind_in_words(resource)}")
    _refuse_live(resource)
    changed: R = replaced(resource, changes, caller_place())
    return changed


@contextmanager
def _whole(resource: Any, context: RunContext) -> Iterator[Any]:
    """The hooks of *resource* as one context manager: what the base class's yield_for_execution gives."""
    hooks = spec_of(resource).hooks
    if hooks.setup:
        hooks.setup.bound(resource, context)()
    try:
        yield resource
    finally:
        if hooks.teardown:
            hooks.teardown.bound(resource, context)()


@asynccontextmanager
async def _awhole(resource: Any, context: RunContext) -> AsyncIterator[Any]:
    """The same where a hook is async."""
    hooks = spec_of(resource).hooks
    if hooks.setup and inspect.isawaitable(done := hooks.setup.bound(resource, context)()):
        await done
    try:
        yield resource
    finally:
        if hooks.teardown and inspect.isawaitable(done := hooks.teardown.bound(resource, context)()):
            await done


def _positional(owner: str, location: Location | None) -> Problem:
    """What to say of arguments without a keyword."""
    return Problem(
        code="unknown-field",
        where=owner,
        message="it takes keyword arguments only",
        declared=location,
        hint=f"write {owner}(field=value)",
    )


def _refuse_live(resource: ConfigurableResource) -> None:
    if record_of(resource).live:
        raise TypeError(
            f"a live {type(resource).__name__} cannot be copied or pickled: it belongs to its run; "
            "copy or send the declaration, or the container, and open a run where it arrives"
        )


def _allow_change(resource: ConfigurableResource, name: str) -> None:
    if name.startswith("_"):
        return
    found = inspect.getattr_static(type(resource), name, None)
    is_method = callable(found) or isinstance(found, classmethod)
    if is_method and name not in spec_of(resource).by_name:
        return  # So that mock.patch.object(resource, "fetch") works.
    raise FrozenResourceError(type(resource).__name__, name)


def _hashed(value: Any) -> object:
    """Something hashable that is equal for equal values."""
    if isinstance(value, list | tuple):
        return tuple(_hashed(item) for item in value)
    if isinstance(value, dict):
        return frozenset((key, _hashed(item)) for key, item in value.items())
    if isinstance(value, set | frozenset):
        return frozenset(value)
    try:
        hash(value)
    except TypeError:
        return type(value)
    return value
