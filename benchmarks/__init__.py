"""What resourcekit costs, beside the same work by hand and by other packages: ``python -m benchmarks``.

`docs/benchmarks.md` says what is measured and how, and holds the results of one whole run.
"""
