"""Ctrl-C anywhere in what resourcekit does between hooks: what was set up is torn down, once, in reverse."""

import dis
import gc
import os
import sys

import pytest

import resourcekit
from tests.faults import FAIL, TRACE, Case, Generated, Hooked, Making, Node, SharedGenerated, SharedHooked, Vending, did

# What is left open for the collector is what this is about.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")

PACKAGE = os.path.dirname(resourcekit.__file__)
EVERY = int(os.environ.get("RESOURCEKIT_CTRL_C", "61"))  # of the places; 1 tries all
# After one of these Python looks whether a signal has come.
LOOKING = ("CALL", "CALL_FUNCTION_EX", "CALL_KW", "JUMP_BACKWARD", "PRECALL", "RESUME")

STEPS = [
    Node(kind, (number - 1,) if number else ()) for number, kind in enumerate([Hooked, Generated, Vending, Making])
]
SHARED = [Node(SharedHooked), Node(SharedGenerated, (0,))]
BESIDE = [Node(Hooked), Node(Hooked), Node(Generated), Node(Vending, (0,))]


class Interrupting:
    """A trace function that sends Ctrl-C once, at one of the places where a signal can come in resourcekit's own code.

    Args:
        at: Which of them; none for -1.
    """

    def __init__(self, at):
        self.at = at
        self.seen = 0
        self.before = {}

    def __call__(self, frame, event, _argument):
        if not frame.f_code.co_filename.startswith(PACKAGE):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        if event == "return":
            self.before.pop(frame, None)
        elif event == "opcode":
            before, self.before[frame] = self.before.get(frame), dis.opname[frame.f_code.co_code[frame.f_lasti]]
            self.seen += before in LOOKING
            if self.seen == self.at:
                self.before.clear()
                self.at = -1
                raise KeyboardInterrupt
        return self


class Interrupted:
    """A block of a run, or of an app, with Ctrl-C at one of the places before or after its body."""

    def __init__(self, steps, options):
        self.case = Case("sync", steps)
        self.options = options
        self.is_beside = steps is BESIDE
        FAIL.clear()
        FAIL["world"] = "sync"
        self.play(-1)  # What is made once is made now.

    def play(self, at):
        """Whether Ctrl-C came out of it, and how many places there were."""
        TRACE.clear()
        gc.collect()
        tracer, before, error = Interrupting(at), sys.gettrace(), None
        block = self.case.app if self.options is None else self.case.app.run(**self.options)
        try:
            sys.settrace(tracer)
            with block:
                sys.settrace(before)
                did("body")
                sys.settrace(tracer)
            sys.settrace(before)
        except KeyboardInterrupt:
            error = True
        finally:
            sys.settrace(before)
        return error, tracer.seen

    def check(self):
        """What was up is down again, each once; in order, where what was set up beside one another is in none."""
        ups = [entry for entry in TRACE if entry[0] == "+"]
        downs = [entry for entry in TRACE if entry[0] == "-" and (self.is_beside or entry != "-k3")]
        alone = "++k3" if "+k3" not in ups else None  # It has no set-up hook: its teardown goes with its making.
        expected = [entry.replace("+", "-") for entry in ups if entry != alone][::-1]
        assert (sorted(downs) == sorted(expected)) if self.is_beside else (downs == expected), TRACE


@pytest.mark.parametrize(
    ("steps", "options"),
    [(STEPS, {"report": True}), (STEPS, {"concurrent": True}), (BESIDE, {"concurrent": True})],
    ids=["serial", "concurrent", "beside"],
)
def test_ctrl_c_anywhere_in_a_run(steps, options):
    """Wherever Ctrl-C comes in a run that goes through the machine, exactly what was set up is torn down: at once, or,
    where it came on the very way in or out of the block, when the run is collected."""
    interrupted = Interrupted(steps, options)
    _, places = interrupted.play(-1)
    assert places > 500
    for at in range(1, places, EVERY):
        error, _ = interrupted.play(at)
        gc.collect()
        assert error
        interrupted.check()


def test_ctrl_c_anywhere_in_an_app():
    """Wherever Ctrl-C comes while an app starts or stops, what was set up is torn down; or the app is started, and can
    be closed."""
    interrupted = Interrupted(SHARED, None)
    _, places = interrupted.play(-1)
    assert places > 500
    for at in range(1, places, EVERY):
        error, _ = interrupted.play(at)
        assert error
        if interrupted.case.app._assembly.app.session is not None:
            interrupted.case.app.close()
        interrupted.check()
        with interrupted.case.app:  # No lock is held for ever.
            pass
    gc.collect()
