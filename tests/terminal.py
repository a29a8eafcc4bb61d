"""The command line as its users run it: in a process of its own, piped or on a terminal, and approved outputs."""

import io
import os
import pty
import re
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from resourcekit.cli.commands import invoke
from tests.forked import ROOT, forked, forked_on_terminal

AIRPORTS = "docs/examples/airports.py"
APPROVED = Path(__file__).parent / "cli" / "approved"
TARGETS = {"airports", "shop", "target"}
OURS = re.compile(
    r"APP_ENV|DB_\w+|SHOP_ENV|API_TOKEN|LEVEL|POOL_SIZE|NO_COLOR|FORCE_COLOR|COLUMNS|LINES|TERM|GITHUB_\w+|CI|TTY_\w+"
)


def environment(**variables):
    """This process's variables without those that matter here, and with *variables*."""
    kept = {name: text for name, text in os.environ.items() if not OURS.fullmatch(name)}
    return {**kept, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [kept.get("PYTHONPATH")])]), **variables}


def cli(*arguments, cwd=ROOT, **variables):
    """Run the command line in a new process, with its output piped."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "resourcekit", *map(str, arguments)],
        cwd=cwd, env=environment(**variables), capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def invoked(*arguments, cwd=ROOT, **variables):
    """The same as `cli` without a process of its own, which takes a tenth of the time; what it changes is put back."""
    before, path = set(sys.modules), list(sys.path)
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        for name in [name for name in os.environ if OURS.fullmatch(name)]:
            patch.delenv(name)
        for name, text in variables.items():
            patch.setenv(name, text)
        with redirect_stdout(out), redirect_stderr(err):
            code = invoke(list(map(str, arguments)))
    sys.path[:] = path
    for name in [name for name in sys.modules if name not in before and "." not in name]:
        if Path(getattr(sys.modules[name], "__file__", None) or "").suffix == ".py" and name in TARGETS:
            del sys.modules[name]
    return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())


def forked_cli(*arguments, cwd=ROOT, **variables):
    """The same as `cli` in a process that has imported everything before, which takes a fifth of the time."""
    return forked(module="resourcekit", arguments=arguments, cwd=cwd, environ=environment(**variables))


def cli_on_terminal(*arguments, cwd=ROOT, columns=80, **variables):
    """The same on a terminal; what it shows, its escapes as they are, and its exit code."""
    environ = environment(TERM="xterm-256color", COLUMNS=str(columns), **variables)
    terminal = pty.openpty()
    shown, code = forked_on_terminal(terminal, module="resourcekit", arguments=arguments, cwd=cwd, environ=environ)
    for end in terminal:
        os.close(end)
    return shown.decode().replace("\r\n", "\n"), code


ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def plain(text):
    """A terminal's text without its escapes."""
    return ESCAPE.sub("", text)


def approved(name, text):
    """Compare *text* with the file of that name; RESOURCEKIT_UPDATE_APPROVED=1 writes it anew, to be looked at."""
    file = APPROVED / name
    if os.environ.get("RESOURCEKIT_UPDATE_APPROVED"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8")
