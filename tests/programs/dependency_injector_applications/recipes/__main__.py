"""The command."""

import sys

from dependency_injector.wiring import Provide, inject

from .containers import Container
from .finders import Lister


@inject
def main(lister: Lister = Provide[Container.lister], minutes: int = Provide["config.minutes"]) -> None:
    print(*lister.quick(minutes), sep=", ")


if __name__ == "__main__":
    folder = sys.argv[1]
    container = Container()
    container.config.csv.from_dict({"path": f"{folder}/recipes.csv", "delimiter": ";"})
    container.config.sqlite.path.from_value(f"{folder}/recipes.db")
    container.config.finder.from_env("RECIPES_FINDER")
    container.config.minutes.from_env("RECIPES_MINUTES", as_=int, default=30)
    container.wire(modules=[sys.modules[__name__]])
    main()
