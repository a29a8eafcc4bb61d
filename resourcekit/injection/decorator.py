"""The decorator `inject`: fill parameters from the current run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from resourcekit.injection.filling import FromCurrent
from resourcekit.injection.wrappers import wrapped

__all__ = ("inject",)

R = TypeVar("R")


def inject(function: Callable[..., R], /) -> Callable[..., R]:
    """Fill a function's resource parameters from the current run, else from the started app.

    Filled are parameters annotated with a resource class, with the type a factory vends, or with
    `ResourceParam`; and those whose default is `injected()`. By name, else by a unique type. What the caller
    gives, by keyword, wins. ``Annotated[Database, ref("replica")]``, or the default ``ref("replica")``, names the key
    itself, which may be a nested container's. Where runs are nested, the innermost that has the key counts.

    A bare annotation of any other class is the caller's, also where a provider of the container makes one:
    ``ResourceParam[Basket]`` gets what it makes, ``ResourceParam[providers.Factory[Basket]]`` the provider.

    A class that is imported under TYPE_CHECKING only is not there to be read: give such a parameter the default
    `injected()`, and its name decides.

    Args:
        function: A function, coroutine function, generator or async generator function, classmethod or
            staticmethod.

    Returns:
        A function of the same kind, whose signature leaves the injected parameters out.

    Raises:
        TypeError: *function* is not a function.
        InjectionError: On a call: a resource is missing or of another type. At once: a parameter is annotated
            with a factory, not with what it vends.
        NoActiveRunError: On a call: no run is open and no app is started.

    >>> from resourcekit import ConfigurableResource, ResourceContainer
    >>> class Greeter(ConfigurableResource):
    ...     greeting: str = "hello"
    >>> class App(ResourceContainer):
    ...     greeter = Greeter()
    >>> @inject
    ... def greet(name: str, greeter: Greeter) -> str:
    ...     return f"{greeter.greeting} {name}"
    >>> with App().run():
    ...     greet("ada")
    'hello ada'
    """
    wrapper: Callable[..., R] = wrapped(function, FromCurrent)
    return wrapper
