"""``python -m benchmarks``: run the scenarios, print the tables, keep the results, write the documentation's page."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence

from benchmarks import report, results
from benchmarks.contenders.by_hand import ByHand
from benchmarks.field import LIBRARIES, contenders
from benchmarks.run import RUNNERS, Setting


def main(words: Sequence[str] | None = None) -> int:
    """Run what the command line asks for."""
    options = _parser().parse_args(words)
    field = contenders()
    for name in field.missing:
        print(f"{name} is not installed: left out")
    chosen = [each for each in field.present
              if not options.contender or each.name in (*options.contender, ByHand.name)]  # fmt: skip
    setting = Setting(chosen, results.here(LIBRARIES), options.quick)
    found = {}
    for code in options.only or RUNNERS:
        found[code] = RUNNERS[code](setting)
        print(report.text(found[code]), flush=True)
    if options.write:
        results.save(found)
        report.write(results.load())
        print(f"written: {results.FILE}, {report.PAGE}, {report.PICTURE}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=list(RUNNERS), help="a scenario; may be repeated")
    parser.add_argument("--contender", action="append", help="a contender beside the baseline; may be repeated")
    parser.add_argument(
        "--quick", action="store_true", help="fewer cases, sizes and rounds: a rough answer in a minute"
    )
    parser.add_argument("--write", action="store_true", help="keep the results, and write docs/benchmarks.md anew")
    return parser


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # What a peer warns of is its own affair.
    sys.exit(main())
