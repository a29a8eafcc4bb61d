"""The text forms of single values: how the text of a variable or a file becomes an int, a date, a Path."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path, PurePath
from typing import Any, Final
from uuid import UUID

from resourcekit.config.problems import RefusedError, refuse

__all__ = ("FORMS", "NONE_WORDS", "TRUTH", "gives_back", "read_scalar", "scalar_form", "seconds")

NONE_WORDS: Final = frozenset({"", "none", "null"})
"""The texts that stand for None, in any case, where the field allows None and no str."""

TRUTH: Final = {
    **dict.fromkeys(("true", "t", "1", "yes", "on"), True),
    **dict.fromkeys(("false", "f", "0", "no", "off"), False),
}
"""The texts of a bool, which may be in any case."""

_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_DURATION: Final = re.compile(
    r"(?P<sign>[+-])?P(?=.)(?:(?P<weeks>\d+(?:\.\d+)?)W)?(?:(?P<days>\d+(?:\.\d+)?)D)?"
    r"(?:T(?=.)(?:(?P<hours>\d+(?:\.\d+)?)H)?(?:(?P<minutes>\d+(?:\.\d+)?)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
    re.ASCII | re.IGNORECASE,
)


_EXTENDED: Final = r"\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?"
_BASIC: Final = r"\d\d(?:\d\d(?:\d\d(?:[.,]\d+)?)?)?"
_ZONE: Final = r"(?:Z|[+-]\d\d(?::?\d\d(?::?\d\d(?:\.\d+)?)?)?)?"
_TIME: Final = re.compile(rf"(?:T?{_EXTENDED}|T{_BASIC}){_ZONE}", re.ASCII)
_DATETIME: Final = re.compile(rf"[\dW-]+(?:[Tt ](?:{_EXTENDED}|{_BASIC}){_ZONE})?", re.ASCII)


def read_scalar(text: str, cls: type, expected: str) -> object:
    """The value of a scalar class that *text* spells.

    Args:
        text: Text from outside.
        cls: One of FORMS, or a subclass of one.
        expected: What to call *cls* in an error.

    Raises:
        RefusedError: The text does not spell one.
    """
    form = scalar_form(cls)
    try:
        return _READERS[form](text, cls)
    except RefusedError:
        raise
    except Exception:  # Python's own message shows the text, and a subclass may raise anything.
        pass
    refuse(expected, _REASONS.get(form, "the class does not accept it"))


def scalar_form(cls: type) -> type | None:
    """Which of FORMS *cls* is, or derives from."""
    return next((base for base in cls.__mro__ if base in _READERS), None)


def seconds(number: float, expected: str) -> timedelta:
    """The timedelta of so many seconds; RefusedError when there is none."""
    try:
        return timedelta(seconds=number)
    except (OverflowError, ValueError):
        pass
    refuse(expected, "no number of seconds that a timedelta can hold")


def gives_back(value: object, text: str) -> bool:
    """Whether a value, written down, is the very text that it was read from.

    What has no text form of its own, such as a list, is never asked what it was read from.

    >>> gives_back(1, "1"), gives_back(1, "01"), gives_back(True, "true"), gives_back(True, "1")
    (True, False, True, False)
    """
    if isinstance(value, Enum):
        return text == value.name or gives_back(value.value, text)
    writer = _WRITERS.get(scalar_form(type(value)))
    return writer is None or writer(value, text)


def _bool_written(value: Any, text: str) -> bool:
    return text.lower() == ("true" if value else "false")


def _float_written(value: Any, text: str) -> bool:
    return text == repr(float(value)) or (float(value).is_integer() and text == str(int(value)))


def _duration_written(value: Any, text: str) -> bool:
    return _DURATION.fullmatch(text) is not None or _float_written(value.total_seconds(), text)


def _iso_written(value: Any, text: str) -> bool:
    return str(value.isoformat()) == (f"{text[:-1]}+00:00" if text.endswith("Z") else text)


def _written(value: object, text: str) -> bool:
    return str(value) == text


def _bool(text: str, _cls: type) -> bool:
    return TRUTH[text.strip().lower()]


def _int(text: str, cls: type[int]) -> int:
    digits = text.strip()
    if _INTEGER.fullmatch(digits) is None:
        raise ValueError
    limit = sys.get_int_max_str_digits()
    if limit and len(digits.lstrip("+-")) > limit:
        refuse(cls.__name__, f"more digits than Python converts ({limit})")
    return cls(digits)


def _number(text: str, cls: Callable[[str], Any]) -> Any:
    """A float or a Decimal; without the underscores and the digits of other scripts that Python would take."""
    number = text.strip()
    if "_" in number or not number.isascii():
        raise ValueError
    return cls(number)


def _bytes(text: str, cls: Callable[[bytes], bytes]) -> bytes:
    # A variable that was not UTF-8 arrives with surrogates: this gives back the bytes it had.
    return cls(text.encode("utf-8", "surrogateescape"))


def _stripped(text: str, cls: Callable[[str], object]) -> object:
    return cls(text.strip())


def _path(text: str, cls: Callable[[str], object]) -> object:
    if not text:
        refuse(cls.__name__, "it is empty; '.' is the folder that the program runs in")
    return cls(text)


def _iso(text: str, cls: Any) -> object:
    """A date; or a datetime or a time, of which Python would also take an odd separator and a bare number."""
    form = _ISO_FORMS.get(scalar_form(cls))
    if form is not None and form.fullmatch(text.strip()) is None:
        raise ValueError
    return cls.fromisoformat(text.strip())


_ISO_FORMS: Final[dict[type | None, re.Pattern[str]]] = {datetime: _DATETIME, time: _TIME}


def _timedelta(text: str, cls: type[timedelta]) -> timedelta:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        return seconds(_number(text, float), cls.__name__)
    parts = {name: float(part) for name, part in found.groupdict().items() if part and name != "sign"}
    return timedelta(**parts) * (-1 if found["sign"] == "-" else 1)


_READERS: Final[dict[type | None, Callable[[str, Any], object]]] = {
    str: lambda text, cls: text if cls is str else cls(text),
    bool: _bool,
    int: _int,
    float: _number,
    Decimal: _number,
    bytes: _bytes,
    Path: _path,
    PurePath: _path,
    UUID: _stripped,
    datetime: _iso,
    date: _iso,
    time: _iso,
    timedelta: _timedelta,
}

_WRITERS: Final[dict[type | None, Callable[[Any, str], bool]]] = {
    **dict.fromkeys((str, int, Decimal, Path, PurePath, UUID), _written),
    **dict.fromkeys((datetime, date, time), _iso_written),
    bool: _bool_written,
    float: _float_written,
    timedelta: _duration_written,
}
"""What tells whether a value gives a text back; bytes take every text as it is."""

FORMS: Final = tuple(cls for cls in _READERS if cls is not None)
"""The classes that have a text form; so have their subclasses."""

_REASONS: Final[dict[type | None, str]] = {
    bool: "it must be one of true, false, t, f, 1, 0, yes, no, on, off",
    int: "not a whole number",
    float: "not a number",
    Decimal: "not a decimal number",
    bytes: "it cannot be written as UTF-8",
    UUID: "not a UUID",
    datetime: "not a date and time of ISO 8601, such as 2024-05-31T12:00:00+00:00",
    date: "not a date of ISO 8601 without a time, such as 2024-05-31",
    time: "not a time of ISO 8601, such as 12:30:00",
    timedelta: "neither a number of seconds nor an ISO 8601 duration, such as PT30S or P1DT2H",
}
