"""What a step is: a function with a name, what it asks for, and how its value is kept. Assets and ops are steps."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from functools import update_wrapper
from typing import Any, ClassVar, Final, Generic, ParamSpec, Self, TypeVar, cast

import attrs

from resourcekit.annotations import forms
from resourcekit.annotations.annotation_structure import form_of, union_members
from resourcekit.base.errors import DefinitionError, Location, kind_in_words, with_article
from resourcekit.base.import_paths import imported, pickled_by_value, unpickled
from resourcekit.definitions.model.asset_keys import check_name
from resourcekit.definitions.model.outputs import Output
from resourcekit.definitions.model.retry import RetryPolicy
from resourcekit.definitions.model.step_contexts import ExecutionContext
from resourcekit.injection.function import FunctionSpec
from resourcekit.injection.markers import INJECTED, is_marked
from resourcekit.injection.reading import Wish

__all__ = ("DEFAULT_IO_MANAGER", "Parameter", "Step", "StepOptions", "as_list", "name_of")

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

DEFAULT_IO_MANAGER: Final = "io_manager"
_CONTEXT_NAMES: Final = frozenset({"context", "_context", "context_", "_"})
_VARIABLE: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


@attrs.frozen
class Parameter:
    """One parameter of a step's function.

    Args:
        name: Its name.
        annotation: Its annotation; Any where there is none, or none that can be resolved.
        is_context: It receives the `ExecutionContext`.
        wish: What it asks of the resources, where it may be one.
        is_resource: It is nothing but a resource: its annotation or default says so.
        has_default: It may be left out.
        unresolved: Why its annotation cannot be resolved.
    """

    name: str
    annotation: Any
    is_context: bool = False
    wish: Wish | None = None
    is_resource: bool = False
    has_default: bool = False
    unresolved: str | None = None


def _as_names(given: Any) -> frozenset[str]:
    names = frozenset([given] if isinstance(given, str) else given or ())
    if not all(isinstance(name, str) for name in names):
        raise DefinitionError("required_resource_keys wants the keys of resources, as text")
    return names


def _as_io_manager_key(given: Any) -> str:
    if given is not None and not isinstance(given, str):
        raise DefinitionError(f"io_manager_key is the key of an IO manager, text, not {kind_in_words(given)}")
    return given or DEFAULT_IO_MANAGER


def _as_words(given: Mapping[str, Any] | None) -> dict[str, Any]:
    return dict(given or {})


@attrs.frozen(kw_only=True, eq=False)
class StepOptions:
    """What every step may be given beside its function."""

    description: str | None = None
    io_manager_key: str = attrs.field(default=None, converter=_as_io_manager_key)
    required_resource_keys: frozenset[str] = attrs.field(default=None, converter=_as_names)
    resource_defs: Mapping[str, Any] = attrs.field(default=None, converter=_as_words)
    retry_policy: RetryPolicy | None = None
    tags: Mapping[str, str] = attrs.field(default=None, converter=_as_words)
    metadata: Mapping[str, Any] = attrs.field(default=None, converter=_as_words)

    @property
    def required(self) -> frozenset[str]:
        """The resources that its context has, whatever its parameters ask for: those it brings along among them."""
        return self.required_resource_keys | (self.resource_defs.keys() - {self.io_manager_key})

    def __attrs_post_init__(self) -> None:
        policy: object = self.retry_policy
        if policy is not None and not isinstance(policy, RetryPolicy):
            given = kind_in_words(policy)
            raise DefinitionError(f"retry_policy wants a RetryPolicy, such as RetryPolicy(max_retries=3), not {given}")


class Step(Generic[P, R_co]):
    """A function with a name, what it asks for, and how its value is kept: the base of assets and ops.

    Args:
        function: The function, sync or async.
        name: The step's name.
        options: All else.

    Raises:
        DefinitionError: It says twice what it needs.
        InjectionError: A parameter asks for a factory, not for what it vends.
    """

    kind: ClassVar[str] = "step"
    context_type: ClassVar[type[ExecutionContext]] = ExecutionContext

    def __init__(self, function: Any, name: str, options: StepOptions) -> None:
        update_wrapper(cast("Any", self), function)
        self.function = function
        self.name = name
        self.options = options
        self.spec = FunctionSpec(function)
        asked = [parameter.name for parameter in self.parameters() if parameter.is_resource]
        if asked and options.required_resource_keys:
            raise DefinitionError(
                f"{self} asks for {', '.join(asked)} by parameter and for "
                f"{', '.join(sorted(options.required_resource_keys))} by required_resource_keys: use one of the two"
            )

    @property
    def description(self) -> str:
        """What it is for: as given, else its docstring."""
        return self.options.description or inspect.getdoc(self.function) or ""

    @property
    def location(self) -> Location | None:
        """Where the function stands."""
        code = getattr(inspect.unwrap(self.function), "__code__", None)
        return None if code is None else Location(code.co_filename, code.co_firstlineno)

    @property
    def is_async(self) -> bool:
        """Whether it runs in an event loop only."""
        return inspect.iscoroutinefunction(self.function)

    @property
    def returned(self) -> Any:
        """The type of the value that the function says it gives, also in an `Output`; Any where it does not say."""
        found = self.spec.annotation("return")
        form = form_of(found)
        if isinstance(form.cls, type) and issubclass(form.cls, Output):
            return next(iter(form.arguments), Any)
        return Any if found is inspect.Parameter.empty else found

    @property
    def gives_nothing(self) -> bool:
        """Whether it says that it returns None: then there is no value to keep."""
        return self.returned in (None, type(None))

    def parameters(self) -> tuple[Parameter, ...]:
        """What the function takes, as far as its annotations are resolved by now.

        Raises:
            InjectionError: A parameter asks for a factory, not for what it vends.
        """
        self.spec.update()
        return tuple(self._parameters())

    def _parameters(self) -> Iterator[Parameter]:
        wishes = {wish.name: wish for wish in self.spec.reading.wishes}
        for place, (name, written) in enumerate(self.spec.signature.parameters.items()):
            if written.kind in _VARIABLE:
                continue
            found = self.spec.annotation(name)
            annotation = Any if found is inspect.Parameter.empty else found
            is_empty = written.default is inspect.Parameter.empty
            if _is_context(annotation) or (place == 0 and name in _CONTEXT_NAMES and annotation is Any):
                yield Parameter(name, annotation, is_context=True)
                continue
            marked = written.default is INJECTED or is_marked(annotation)
            is_resource = marked or any(isinstance(form_of(each), forms.Resource) for each in union_members(annotation))
            yield Parameter(
                name,
                annotation,
                wish=wishes.get(name),
                is_resource=is_resource,
                has_default=not is_empty and written.default is not INJECTED,
                unresolved=self.spec.unresolved.get(name),
            )

    def __copy__(self) -> Self:
        return self  # As a function is.

    def __deepcopy__(self, _memo: object) -> Self:
        return self

    def __reduce__(self) -> Any:
        path = getattr(self, "__qualname__", "")
        if imported(getattr(self, "__module__", None), path) is self:
            return path
        # In two parts: the function may refer to the step itself.
        state = pickled_by_value((self.function, self._resolved(), self._arguments()), str(self))
        return _blank, (type(self),), state, None, None, _fill

    def _arguments(self) -> dict[str, Any]:
        """What it was made of, beside its function."""
        return {"name": self.name, "options": self.options}

    def _resolved(self) -> dict[str, Any]:
        """The function's annotations, which may be text with names that only this process knows."""
        self.spec.update()
        found = {name: self.spec.annotation(name) for name in (*self.spec.signature.parameters, "return")}
        return {name: each for name, each in found.items() if each is not inspect.Parameter.empty}

    def __str__(self) -> str:
        return f"{self.kind} {self.name!r}"

    def __repr__(self) -> str:
        return f"<{self}>"


def _blank(cls: type[Step[..., Any]]) -> Step[..., Any]:
    """A step that has arrived without what it is made of."""
    return cls.__new__(cls)


def _fill(step: Any, state: Any) -> None:
    """Make a step that has arrived of what was sent."""
    function, annotations, arguments = unpickled(state)
    if inspect.isfunction(function):
        function.__annotations__ = {**function.__annotations__, **annotations}
    step.__init__(function, **arguments)


def _is_context(annotation: Any) -> bool:
    return any(isinstance(each, type) and issubclass(each, ExecutionContext) for each in union_members(annotation))


def as_list(given: Any, where: str, noun: str) -> list[Any]:
    """What a caller gave in a list.

    Args:
        given: What was given.
        where: What it was given to, for the message.
        noun: What belongs in the list, in the plural.

    Raises:
        DefinitionError: It is no list, nor another iterable; a single one must be in a list too.
    """
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        example = getattr(given, "__name__", "...")
        raise DefinitionError(f"{where} wants a list of {noun}, not {kind_in_words(given)}: write [{example}]")
    return list(given)


def name_of(function: Any, name: str | None, kind: str) -> str:
    """The name of a new step.

    Args:
        function: What is decorated.
        name: The name, if one is given.
        kind: ``"asset"`` or ``"op"``.

    Raises:
        DefinitionError: It is no function that can be a step, or has no name that can be one's.
    """
    _check_function(function, kind)
    own = name if name is not None else getattr(function, "__name__", None)
    if own is None:
        raise DefinitionError(f"{kind_in_words(function)} has no name of its own: write {kind}(name=...)")
    return check_name(own, with_article(kind))


def _check_function(function: Any, kind: str) -> None:
    if isinstance(function, Step):
        raise DefinitionError(f"{function} is {function.kind} already: decorate the function once")
    if not callable(function) or isinstance(function, type):
        given = f"the class {function.__name__}" if isinstance(function, type) else kind_in_words(function)
        raise DefinitionError(f"@{kind} decorates a function, not {given}")
    inner = inspect.unwrap(function)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise DefinitionError(
            f"{getattr(inner, '__qualname__', inner)} yields, and {kind} functions return their value: return it, "
            "or Output(value, metadata=...)"
        )
    written = inspect.signature(function).parameters.values()
    unnamed = [each.name for each in written if each.kind is inspect.Parameter.POSITIONAL_ONLY]
    if unnamed:
        raise DefinitionError(f"{kind} {inner.__qualname__} is called by name: take the / behind {unnamed[-1]} away")
