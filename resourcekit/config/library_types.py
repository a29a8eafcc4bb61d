"""Classes of other libraries, and the rarer ones of Python's: values from text by the library's own means.

No library is imported here: a class is known by where it is from, and its own module has imported what reads it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

import attrs

from resourcekit.annotations.annotation_names import type_name
from resourcekit.annotations.annotation_structure import form_of
from resourcekit.annotations.forms import Form, Record, Scalar
from resourcekit.config.problems import ConversionProblem, RefusedError, refuse

__all__ = ("LibraryType", "library_type")


@attrs.frozen
class LibraryType:
    """How the values of a class are read and written.

    Args:
        read: Gives what came from outside as a value of an annotation; whatever it raises refuses that.
        write: Gives the text of a value.
        reason: Why a text is refused.
        takes_tables: Tables, lists and numbers are read too, not only text.
    """

    read: Callable[[Any, Any], object]
    write: Callable[[Any], str]
    reason: str = "the class does not accept it"
    takes_tables: bool = False

    def value(self, raw: object, form: Form) -> object:
        """Give *raw* as a value of a type; one that is right already is passed on.

        Raises:
            RefusedError: It cannot be one.
        """
        if isinstance(raw, form.cls):
            return raw
        if not isinstance(raw, str) and not self.takes_tables:
            refuse(type_name(form.annotation), f"it is of type {type(raw).__name__}, not a text")
        try:
            return self.read(raw, form.annotation)
        except Exception as error:
            problems = _problems(error, form, self.reason)
        raise RefusedError(problems)  # Here, where its context is not the library's error, which shows the value.

    def text(self, value: object) -> str | None:
        """Give the text that *value* is read back from, or None where there is none."""
        try:
            text = self.write(value)
            return text if self.read(text, type(value)) == value else None
        except Exception:  # Whatever the library says, there is no such text.
            return None


def library_type(form: Form) -> LibraryType | None:
    """Give what reads the values of a type, if that is a class of a library known here."""
    if not isinstance(form, Scalar | Record):
        return None
    for base in form.cls.__mro__:
        known = _NAMED.get((base.__module__.partition(".")[0], base.__qualname__))
        if known is not None:
            return known
    if isinstance(form, Scalar) and hasattr(form.cls, "__get_pydantic_core_schema__"):
        return _PYDANTIC
    return _MSGSPEC if hasattr(form.cls, "__struct_fields__") else None


# --- known by name ---


def _made(text: str, cls: Any) -> object:
    return cls(text.strip())


def _pattern(text: str, annotation: Any) -> object:
    return sys.modules["re"].compile(text.encode() if form_of(annotation).arguments == (bytes,) else text)


def _database_url(text: str, _: Any) -> object:
    return sys.modules["sqlalchemy.engine.url"].make_url(text.strip())


def _database_text(url: Any) -> str:
    text: str = url.render_as_string(hide_password=False)
    return text


def _fraction(raw: object, cls: Any) -> object:
    text = str(raw).strip()  # of a float the digits that were written, not those of the binary fraction
    if "_" in text or not text.isascii() or isinstance(raw, bool):
        raise ValueError
    return cls(text)


_ADDRESS: Final = LibraryType(_made, str, "not an IP address of that kind")
_NETWORK: Final = LibraryType(_made, str, "not an IP network of that kind, such as 10.0.0.0/8 or fd00::/8")
_URL: Final = LibraryType(_made, str, "not a URL")

_NAMED: Final[Mapping[tuple[str, str], LibraryType]] = {
    **{("ipaddress", f"IPv{version}{kind}"): _ADDRESS for version in "46" for kind in ("Address", "Interface")},
    **{("ipaddress", f"IPv{version}Network"): _NETWORK for version in "46"},
    **{(library, "URL"): _URL for library in ("httpx", "httpx2", "yarl")},
    ("sqlalchemy", "URL"): LibraryType(_database_url, _database_text, "not a URL of a database"),
    ("zoneinfo", "ZoneInfo"): LibraryType(
        _made, lambda zone: zone.key, "not a time zone that is known here, such as Europe/Berlin"
    ),
    ("re", "Pattern"): LibraryType(_pattern, lambda pattern: str(pattern.pattern), "not a regular expression"),
    ("fractions", "Fraction"): LibraryType(_fraction, str, "not a fraction, such as 1/3 or 0.25", takes_tables=True),
}
"""By the library's name and the class's."""


# --- pydantic and msgspec ---


def _from_pydantic(raw: object, annotation: Any) -> object:
    adapter = sys.modules["pydantic"].TypeAdapter(annotation)
    if isinstance(raw, str) and raw.lstrip().startswith(("{", "[")):
        return adapter.validate_json(raw)
    return adapter.validate_python(raw)


def _pydantic_text(value: Any) -> str:
    adapter = sys.modules["pydantic"].TypeAdapter(type(value))
    plain = adapter.dump_python(value, mode="json", by_alias=True)
    return plain if isinstance(plain, str) else adapter.dump_json(value, by_alias=True).decode()


def _from_msgspec(raw: object, annotation: Any) -> object:
    msgspec = sys.modules["msgspec"]
    data = msgspec.json.decode(raw) if isinstance(raw, str) else raw
    return msgspec.convert(data, annotation, strict=False)


def _msgspec_text(value: Any) -> str:
    text: str = sys.modules["msgspec"].json.encode(value).decode()
    return text


_PYDANTIC: Final = LibraryType(_from_pydantic, _pydantic_text, "pydantic refuses it", takes_tables=True)
_MSGSPEC: Final = LibraryType(_from_msgspec, _msgspec_text, "msgspec refuses it", takes_tables=True)


def _problems(error: Exception, form: Form, reason: str) -> list[ConversionProblem]:
    """What is wrong, without the library's words, which may hold the value: of pydantic, which field and which rule."""
    known = {name for key, field in getattr(form.cls, "model_fields", {}).items() for name in (key, field.alias)}
    rules: list[Any] = getattr(error, "errors", list)() if reason == _PYDANTIC.reason else []
    kinds = form_of(sys.modules["pydantic_core.core_schema"].ErrorType).arguments if rules else ()
    found = [(each["loc"][:1], each["type"]) for each in rules]
    return [
        ConversionProblem(
            type_name(form.annotation),
            f"{reason} ({kind})" if kind in kinds else reason,
            path if path and path[0] in known else (),
        )
        for path, kind in found or [((), "")]
    ]
