"""``python -m resourcekit``: the command line."""

from resourcekit.cli import main

if __name__ == "__main__":
    main()
