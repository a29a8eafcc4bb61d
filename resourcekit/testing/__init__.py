"""For your own tests: does everything close, whatever fails? See `fault_matrix`."""

from resourcekit.testing.faults import Fault, FaultReport, InjectedError, fault_matrix
from resourcekit.testing.leaks import Leak, LeakError

__all__ = ("Fault", "FaultReport", "InjectedError", "Leak", "LeakError", "fault_matrix")


def __dir__() -> list[str]:
    return sorted(__all__)
