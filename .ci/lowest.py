"""Print pip constraints that pin the core dependencies, and the extras for users, to their lowest admitted versions."""

import re
import tomllib
from pathlib import Path

project = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
for requirement in project["dependencies"] + extras["yaml"] + extras["cli"] + extras["opentelemetry"]:
    found = re.fullmatch(r"(?P<name>[\w.-]+)>=(?P<version>[\w.]+)", requirement)
    if found is None:
        raise SystemExit(f"not of the form name>=version: {requirement!r}")
    print(f"{found['name']}=={found['version']}")
