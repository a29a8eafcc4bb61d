"""Python programs in processes of their own, forked from one that has imported everything, which takes the longest.

`python -m tests.forked` is that process: it reads requests, a line each, and answers each with an exit code.
"""

import functools
import gc
import importlib
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import types
import warnings
from pathlib import Path

ROOT = Path(__file__).parents[1]
IMPORTED = (
    "asyncio", "resourcekit.cli.doctor", "resourcekit.cli.commands", "airportsdata", "psycopg", "rich.live",
    "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite",
)  # fmt: skip
SECONDS = 120  # What takes longer is killed.


def forked(*, module=None, source=None, arguments=(), cwd=ROOT, environ):
    """Run a module as `python -m` does, or a program as `python -c` does; warnings are errors.

    Variables that Python itself reads when it starts (PYTHON...) are those of this process, whatever *environ* says.
    """
    with tempfile.TemporaryDirectory() as place:
        streams = [os.devnull, f"{place}/out", f"{place}/err"]
        ask(module, source, arguments, cwd, environ, streams)
        code = int(server().stdout.readline())
        out, err = (Path(file).read_text() for file in streams[1:])
    return subprocess.CompletedProcess(arguments, code, out, err)


def in_child(function):
    """Call a function in a fork of this process, and give what it gives, as JSON has it."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Of threads of pytest's.
        pid = os.fork()
    if not pid:
        try:
            os.write(writing, json.dumps(function()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(pid, 0)
    with open(reading, "rb") as given:
        return json.loads(given.read())


def forked_on_terminal(terminal, *, module, arguments, cwd, environ):
    """The same on a terminal, given by the other end of it; gives what was shown, and the exit code."""
    ours, theirs = terminal
    ask(module, None, arguments, cwd, environ, [os.ttyname(theirs)] * 3)
    shown, is_done = b"", False
    while not is_done:
        ready, _, _ = select.select([ours, server().stdout], [], [])
        is_done = ready == [server().stdout]  # and nothing is left to be read
        if not is_done:
            shown += os.read(ours, 65536)
    return shown, int(server().stdout.readline())


def ask(module, source, arguments, cwd, environ, streams):
    """Send a request."""
    request = {
        "module": module,
        "source": source,
        "arguments": list(map(str, arguments)),
        "cwd": str(cwd),
        "environ": dict(environ),
        "streams": streams,
    }
    server().stdin.write(json.dumps(request) + "\n")
    server().stdin.flush()


@functools.cache
def server():
    """The process they are forked from, started when it is needed first."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.forked"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def stop():
    """End that process, if there is one."""
    if server.cache_info().currsize:
        server().communicate()
        server.cache_clear()


def serve():
    """Fork for every request; in a child, do what it says and leave as Python does."""
    for name in IMPORTED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # A collection in a child would copy it all.
    for line in sys.stdin:
        child = os.fork()
        if not child:
            return play(**json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def play(module, source, arguments, cwd, environ, streams):
    """Be the process that was asked for."""
    signal.alarm(SECONDS)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(cwd)
    for descriptor, file in enumerate(streams):
        opened = os.open(file, os.O_RDWR | os.O_CREAT)
        os.dup2(opened, descriptor)
        os.close(opened)
    sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.path[0] = cwd
    if module is not None:
        sys.argv[1:] = arguments
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    else:
        sys.argv[:] = ["-c", *arguments]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(source, "<string>", "exec"), vars(main))


if __name__ == "__main__":
    serve()
