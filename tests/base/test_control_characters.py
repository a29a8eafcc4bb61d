"""Text from outside is shown without control characters, in every output there is."""

import io
import json
import logging
import unicodedata
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from resourcekit import (
    ConfigError,
    ConfigurableResource,
    Deferred,
    EnvVar,
    FileVar,
    ResourceContainer,
    SourceError,
    asset,
    field,
    log_events,
    materialize,
)
from resourcekit.base.masking import printable
from resourcekit.cli.output import as_json
from resourcekit.cli.reports import as_github, as_sarif, as_text, found_json
from tests.terminal import cli_on_terminal, invoked, plain

NASTY = (
    "\x1b[31mred\x1b]0;title\x07 \r\n::error::x\n# A=1\n\u202eltr\u2066 \0 \u2028 \x9b1m \x7f"
    " </title><b>&amp; | `\ufeff"
)

TEXTS = st.text(max_size=12) | st.text("a\n\r\t\0\x1b\x07\x9b\u202e\u2028\ufeff<>&\"'`|%:,\\", max_size=12)


def controls(text: str) -> list[str]:
    """The control characters in a text, but for the newlines and tabs of our own."""
    return [
        each
        for each in text
        if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") and each not in "\n\t\u200c\u200d"
    ]


def container(text: str) -> Any:
    """A container with the text in every place that it can stand in."""

    class Source(Deferred):
        def read(self, context: object) -> object:
            raise SourceError(text, hint=text)

        def describe(self) -> str:
            return text

    class Shown:
        def __repr__(self) -> str:
            return text

    name = text.replace("=", "").replace("\0", "").encode(errors="replace").decode() or "A"
    nested = type("Nested", (ConfigurableResource,), {"__doc__": text or None})
    namespace = {
        "__annotations__": {
            "variable": str, "file": str, "own": str, "shown": Any, "custom": str, "table": dict[str, str],
            "parts": dict[str, nested], "plain": str, "defaulted": str,
        },
        "__doc__": text,
        "variable": field(description=text),
        "custom": field(default="x", repr=lambda value: text),
        "setup_for_execution": lambda self: None,
    }  # fmt: skip
    cls: Any = type(f"Class{text}".replace("\0", ""), (ConfigurableResource,), namespace)
    declared = cls(
        variable=EnvVar(name), file=FileVar(name), own=Source(), shown=Shown(), plain=text, table={text: text},
        parts={text: nested()}, defaulted=EnvVar(f"{name}2", default=text),
    )  # fmt: skip
    return ResourceContainer.of({"it": declared})


def outputs(app: Any) -> dict[str, str]:
    """Everything that is shown of a container as text, by what it is."""
    problems = app.check()
    found = {"dev": problems}
    graph, env, plan, explained = app.graph(), app.env(), app.plan(), app.explain("it")
    texts = {
        "plan": str(plan),
        "graph": str(graph),
        "mermaid": graph.mermaid(),
        "dot": graph.dot(),
        "svg": graph.svg(),
        "page": graph.html(),
        "env": str(env),
        "dotenv": env.dotenv(),
        "markdown": env.markdown(),
        "explain": str(explained),
        "check": str(as_text(found)),
        "github": as_github(found),
        "sarif": as_sarif(found, "app.py"),
        "found": found_json(found),
        "notebook": plan._repr_html_() + env._repr_html_() + explained._repr_html_(),
        "problems": "\n".join(map(str, problems)),
        "repr": repr(app.it) + repr(app),
    }
    texts |= {f"{name} as JSON": as_json(each.to_dict()) for name, each in
              {"plan": plan, "graph": graph, "env": env, "explain": explained}.items()}  # fmt: skip
    texts["schema"] = as_json(env.json_schema())
    for name, each in {"plan": plan, "graph": graph, "env": env, "explain": explained, "check": as_text(found)}.items():
        terminal = io.StringIO()
        Console(file=terminal, width=60).print(each)
        texts[f"{name} in a terminal"] = terminal.getvalue()
    with pytest.raises(ConfigError) as caught, app.run():
        pass
    return {**texts, "error": str(caught.value)}


class Page(HTMLParser):
    """Parses a page; counts what stands open."""

    def __init__(self) -> None:
        super().__init__()
        self.titles = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.titles += tag == "title"


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=40)
@given(TEXTS)
@example(NASTY)
def test_no_output_has_a_control_character(text: str) -> None:
    """Whatever stands in names, paths, descriptions, defaults and reprs: no output has a control character in it."""
    shown = outputs(container(text))
    assert {name: controls(each) for name, each in shown.items() if controls(each)} == {}
    ET.fromstring(shown["svg"])
    page = Page()
    page.feed(shown["page"])
    assert page.titles == 1
    assert len(shown["github"].split("\n")) == len(json.loads(shown["found"])["environments"]["dev"])
    for line in shown["dotenv"].splitlines()[1:]:
        assert not line or line.startswith("#") or line.endswith("=")
    for name in [name for name in shown if name.endswith("JSON") or name in ("sarif", "found", "schema")]:
        json.loads(shown[name])


@given(TEXTS)
@example(NASTY)
def test_json_has_the_text_itself(text: str) -> None:
    """What is escaped for people is the text itself for programs: JSON gives it back."""
    assume(text.strip())
    app = container(text)
    fields = json.loads(as_json(app.graph().to_dict()))["entries"]
    (entry,) = [each for each in fields if each["name"] == "it"]
    assert entry["fields"][0]["description"] == text
    assert json.loads(as_json({text: [text]})) == {text: [text]}
    assert controls(as_json({text: [text]})) == []


@given(TEXTS)
@example(NASTY)
def test_what_is_printable_stays(text: str) -> None:
    """Escaping twice is escaping once; what has nothing to be escaped stays as it is."""
    once = printable(text)
    assert controls(once) == []
    assert "\n" not in once
    assert printable(once) == once
    assert printable(text, keep="\n\t").count("\n") == text.count("\n")
    assert printable("Café, 東京\u3000\xa0👩\u200d💻") == "Café, 東京\u3000\xa0👩\u200d💻"


@given(text=TEXTS)
@example(text=NASTY)
def test_no_report_has_a_control_character(text: str) -> None:
    """Names, identifiers and errors that a run meets stand in its report, its events and its log without any."""
    stream = io.StringIO()
    handler, logger = logging.StreamHandler(stream), logging.getLogger("resourcekit")
    logger.addHandler(handler)
    level, logger.level = logger.level, logging.DEBUG
    try:
        nested: Any = type("Nested", (ConfigurableResource,), {"setup_for_execution": lambda self: None})
        holder: Any = type("Holder", (ConfigurableResource,), {"__annotations__": {"parts": dict[str, nested]}})
        app: Any = ResourceContainer.of({"it": holder(parts={text: nested()})})
        app.listen(log_events)
        run = app.run(report=True, run_id=text or "r")
        with run as resources:
            shown = [repr(resources), repr(run)]
        report = run.report
        shown += [str(report), str(report.timeline), report.timeline.html(), report.timeline._repr_html_()]
        shown += [as_json(report.to_dict()), as_json(report.timeline.trace_events())]

        @asset
        def broken() -> None:
            raise ValueError(text)

        result = materialize([broken], raise_on_error=False, run_id=text or "r")
        shown += [str(result), str(result.steps["broken"])]
    finally:
        logger.removeHandler(handler)
        logger.level = level
    assert [controls(each) for each in (*shown, stream.getvalue()) if controls(each)] == []


PROGRAM = """
import logging, os
from pathlib import Path
from resourcekit import ConfigurableResource, EnvVar, FileVar, ResourceContainer, field

TEXT = Path("text").read_text()

class It(ConfigurableResource):
    variable: str = field(description=TEXT)
    how: str = EnvVar("HOW", default="")

    def setup_for_execution(self):
        logging.getLogger("resourcekit").warning("begins %s", TEXT)
        if self.how == "up":
            raise ValueError(TEXT)

    def check_health(self):
        return TEXT

class App(ResourceContainer):
    it = It(variable=EnvVar("A", default=TEXT))

class Wrong(ResourceContainer):
    it = It(variable=FileVar(TEXT.replace("\\0", "")))

def work(it: It):
    if it.how == "body":
        error = ValueError(TEXT)
        error.add_note(TEXT)
        raise error
"""

COMMANDS = [
    ("check", "Wrong"), ("check", "Wrong", "--format", "github"), ("check", "Wrong", "--format", "sarif"),
    ("plan", "App"), ("graph", "App"), ("env", "App"), ("env", "Wrong", "--format", "markdown"),
    ("env", "App", "--format", "dotenv"), ("explain", "App", "it"), ("doctor", "App"), ("doctor", "Wrong"),
    ("doctor", "App", "--format", "json"), ("run", "work"), ("run", "work", "--container", "target.py:Wrong"),
    ("explain", "App", "it.\x1b[31m\u202e"), ("check", "App", "\x1b[31m\u202e"), ("check", "\x1b[31m\u202e"),
]  # fmt: skip


@pytest.mark.parametrize("how", ["up", "body", ""])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: ascii(" ".join(command)))
def test_no_command_writes_a_control_character(tmp_path: Path, command: tuple[str, ...], how: str) -> None:
    """Neither standard output nor standard error has one, whatever comes from outside or is raised."""
    (tmp_path / "target.py").write_text(PROGRAM)
    (tmp_path / "text").write_text(NASTY, newline="")
    name, target, *rest = command
    done = invoked(name, f"target.py:{target}", *rest, cwd=tmp_path, HOW=how)
    assert done.stdout + done.stderr
    assert controls(done.stdout + done.stderr) == []


@pytest.mark.parametrize(
    "command", [("doctor", "App"), ("run", "work"), ("check", "Wrong"), ("env", "App")], ids=" ".join
)
def test_no_terminal_gets_a_control_character(tmp_path: Path, command: tuple[str, ...]) -> None:
    """On a terminal too: there is no sequence but those of rich."""
    (tmp_path / "target.py").write_text(PROGRAM)
    (tmp_path / "text").write_text(NASTY, newline="")
    shown, _ = cli_on_terminal(command[0], f"target.py:{command[1]}", cwd=tmp_path, HOW="body")
    assert controls(plain(shown)) == []
    assert "\x1b[31mred" not in shown
