"""The wrapper that the bare `inject` makes, generated for its function's signature.

While nothing changes, what started apps give stands in its code as constants: such a call costs little more than the
function's own. Inside a run it reads what the run shows. The first call of each kind, and one that is anything but
plain, is made in general.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence, Sized
from functools import partial
from inspect import Parameter, Signature
from types import FunctionType
from typing import Any, Final
from weakref import WeakKeyDictionary

from resourcekit.base.generated import execute
from resourcekit.injection.function import FunctionSpec, read_keys
from resourcekit.injection.reading import Reading
from resourcekit.lifecycle.fast.compiled import Compiled
from resourcekit.run.cache_epoch import latest
from resourcekit.run.current import CURRENT, current_run
from resourcekit.run.session import Session

__all__ = ("KINDS", "Specialised")

KINDS: Final = {
    "function": ("def", "{}"),
    "coroutine function": ("async def", "await {}"),
    "generator function": ("def", "(yield from {})"),
}
"""The kinds of function that have such a wrapper: how it begins, and how it calls."""

_POSITIONAL: Final = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_VARIABLE: Final = (Parameter.VAR_POSITIONAL, Parameter.VAR_KEYWORD)
_ABSENT: Final = object()


class Specialised:
    """The wrapper of one function, whose code may hold what is injected.

    Args:
        function: The function.
        kind: One of `KINDS`.
        spec: Its spec, all of whose annotations are resolved.
        general: Makes any call of the function, filled.
    """

    def __init__(self, function: Any, kind: str, spec: FunctionSpec, general: Callable[..., Any]) -> None:
        self._reading = spec.reading
        self._reads: WeakKeyDictionary[Compiled, tuple[object, Callable[[Any], tuple[Any, ...]]]] = WeakKeyDictionary()
        self.wrapper, kept = _forms(function, kind, spec, general, self._of_run)
        self._open, self._kept = self.wrapper.__code__, kept.__code__

    def is_for(self, reading: Reading, given: Sized) -> bool:
        """Whether *given* is for all parameters that were to be injected when this was generated."""
        return reading is self._reading and len(given) == len(reading.wishes)

    def take(self, objects: Sequence[Any]) -> None:
        """Have the wrapper's code hold *objects*, one for each injected parameter; not where one cannot be hashed.

        Code is hashed by its constants, and debuggers do so.
        """
        if all(type(each).__hash__ is not None for each in objects):
            places = {_place(number): each for number, each in enumerate(objects)}
            constants = (places.get(each, each) if type(each) is str else each for each in self._kept.co_consts)
            self.wrapper.__code__ = self._kept.replace(co_consts=tuple(constants))

    def forget(self) -> None:
        """Have the wrapper look up again what is injected."""
        self.wrapper.__code__ = self._open

    def learn(self, found: Sequence[tuple[Session, str]], change: object) -> None:
        """Read the keys that were *found* off what runs of the same code show, until the next change."""
        run, keys = current_run(), [key for _, key in found]
        shown = None if run is None else run._shown
        if shown is None or any(session is not run or not hasattr(shown[1], key) for session, key in found):
            return
        self._reads[shown[0]] = (change, read_keys(tuple(keys)))

    def _of_run(self) -> tuple[Any, ...] | None:
        """What is injected inside a run of code that is known; None anywhere else."""
        run = current_run()
        shown = None if run is None or run._is_doubted else run._shown
        change, read = self._reads.get(shown[0], _UNKNOWN) if shown is not None else _UNKNOWN
        if shown is None or read is None or change is not latest():
            return None
        try:
            return read(shown[1])
        except AttributeError:  # It is being set up.
            return None


_UNKNOWN: Final = (None, None)


def _place(number: int) -> str:
    """The constant that stands for an injected object before it is known."""
    return f"object {number}"


def _forms(
    function: Any, kind: str, spec: FunctionSpec, general: Callable[..., Any], of_run: Callable[[], Any]
) -> tuple[FunctionType, FunctionType]:
    """Both forms of a wrapper: the open one looks up what is injected, the other has constants in its place."""
    own = [each for each in spec.reading.public.parameters.values() if each.kind not in _VARIABLE]
    positional = [each for each in own if each.kind in _POSITIONAL]
    keyword = [each for each in own if each not in positional]
    ours = "_"  # What the names of ours begin with, and no parameter does.
    while any(each.startswith(ours) for each in spec.signature.parameters):
        ours += "_"
    names = {"absent": _ABSENT, "current": CURRENT.get, "function": function, "general": general, "of_run": of_run,
             "joined": partial(_joined, positional, spec.reading.lead)}  # fmt: skip
    defaults = {f"{ours}{number}": each.default for number, each in enumerate(own)}
    word, call = KINDS[kind]
    takes = _signature(positional, keyword, spec.reading.doubtful, ours)
    passed = "".join(f"{each.name}, " for each in positional)
    named = "".join(f"{each.name}={each.name}, " for each in keyword)
    odd = "".join(f" or {name} is {ours}absent" for name in spec.reading.doubtful)
    objects = [f"{ours}object{number}" for number in range(len(spec.reading.wishes))]
    places = [repr(_place(number)) for number in range(len(spec.reading.wishes))]
    source = "\n".join((
        f"{word} wrapper{takes}:",
        f"    if not ({ours}more or {ours}named{odd}) and ({ours}objects := {ours}of_run()) is not None:",
        f"        {''.join(f'{each}, ' for each in objects)} = {ours}objects",
        f"        return {call.format(f'{ours}function({_arguments(function, spec, objects)})')}",
        f"    {ours}given, {ours}named = {ours}joined(({passed}), {ours}more, dict({named}**{ours}named))",
        f"    return {call.format(f'{ours}general(*{ours}given, **{ours}named)')}",
        "",
        f"{ours}otherwise = wrapper",
        "",
        f"{word} kept{takes}:",
        f"    if {ours}more or {ours}named or {ours}current() is not None{odd}:",
        f"        return {call.format(f'{ours}otherwise({passed}*{ours}more, {named}**{ours}named)')}",
        f"    return {call.format(f'{ours}function({_arguments(function, spec, places)})')}",
        "",
    ))  # fmt: skip
    made = execute("inject", source, {**{f"{ours}{name}": each for name, each in names.items()}, **defaults})
    otherwise = made["wrapper"]
    wrapper = FunctionType(otherwise.__code__, made, argdefs=otherwise.__defaults__)
    wrapper.__kwdefaults__ = otherwise.__kwdefaults__
    return wrapper, made.pop("kept")


class _Name:
    """A name, as a default in a signature that is written out."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return self._name


def _signature(
    positional: Sequence[Parameter], keyword: Sequence[Parameter], doubtful: Collection[str], ours: str
) -> Signature:
    """What both forms take. What may yet turn out to be injected may be absent, and what stands behind it."""
    taken: list[Parameter] = []
    may_be_absent = False
    for number, each in enumerate((*positional, *keyword)):
        may_be_absent = each.name in doubtful or (may_be_absent and each in positional)
        default: Any = Parameter.empty
        if each.default is not Parameter.empty:
            default = _Name(f"{ours}{number}")
        elif may_be_absent:
            default = _Name(f"{ours}absent")
        taken.append(Parameter(each.name, each.kind, default=default))
    more, named = Parameter(f"{ours}more", Parameter.VAR_POSITIONAL), Parameter(f"{ours}named", Parameter.VAR_KEYWORD)
    return Signature([*taken[: len(positional)], more, *taken[len(positional) :], named])


def _arguments(function: Any, spec: FunctionSpec, objects: Sequence[str]) -> str:
    """How the function is called, with the expressions *objects* in the places of what is injected."""
    injected = {wish.name: each for wish, each in zip(spec.reading.wishes, objects, strict=True)}
    # Anything else than a plain function may not take by position what its signature says it does.
    lead = spec.reading.lead if type(function) is not FunctionType or vars(function) else -1
    parts = []
    for place, (name, parameter) in enumerate(spec.signature.parameters.items()):
        value = injected.get(name, name)
        if parameter.kind is Parameter.KEYWORD_ONLY or (parameter.kind in _POSITIONAL and 0 <= lead <= place):
            parts.append(f"{name}={value}")
        elif parameter.kind in _POSITIONAL:
            parts.append(value)
    return ", ".join(parts)


def _joined(
    positional: Sequence[Parameter], lead: int, values: Sequence[Any], more: tuple[Any, ...], named: Mapping[str, Any]
) -> tuple[tuple[Any, ...], Mapping[str, Any]]:
    """The arguments of a call as the open form has them: by position those before the first injected one, at most."""
    others = {name: value for name, value in named.items() if value is not _ABSENT}
    if more:
        return (*values, *more), others
    given: list[Any] = []
    for parameter, value in zip(positional, values, strict=True):
        is_next = len(given) < lead or parameter.kind is Parameter.POSITIONAL_ONLY
        if value is not _ABSENT and is_next:
            given.append(value)
        elif value is not _ABSENT:
            others[parameter.name] = value
        else:
            lead = 0  # What is behind has its name.
    return tuple(given), others
