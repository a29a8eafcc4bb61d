"""``python -m resourcekit``: the command line."""

from resourcekit.cli import main

main()
