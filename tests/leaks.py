"""Looks for a text wherever an exception may carry it."""

import traceback
from collections.abc import Iterator

__all__ = ("everything_said", "leaks")


def chain(error: BaseException) -> Iterator[BaseException]:
    """Every exception that is reached from one: its cause, its context, its members, its attributes."""
    waiting, seen = [error], set()
    while waiting:
        found = waiting.pop()
        if id(found) in seen:
            continue
        seen.add(id(found))
        yield found
        parts = [found.__cause__, found.__context__, *getattr(found, "exceptions", ()), *vars(found).values()]
        waiting += [part for part in parts if isinstance(part, BaseException)]


def everything_said(error: BaseException) -> str:
    """All the text that printing, logging or looking through an exception can show, but for the user's source lines."""
    said = []
    for each in chain(error):
        said += [
            *traceback.format_exception_only(each),
            str(each),
            repr(each),
            repr(each.args),
            repr(vars(each)),
            *getattr(each, "__notes__", ()),
        ]
        problems = getattr(each, "problems", ())
        said += [text for problem in problems for text in (str(problem), repr(problem), str(problem.to_dict()))]
    return "\n".join(said)


def leaks(error: BaseException, *hidden: str) -> list[str]:
    """Which of the texts an exception shows somewhere."""
    said = everything_said(error)
    return [text for text in hidden if text in said]
