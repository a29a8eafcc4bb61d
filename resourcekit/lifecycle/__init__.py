"""Setting up and tearing down: the machine decides which hook is next, the drivers call it, sync or async.

The only folder that calls hooks. Knows steps and their resources; does not know containers, or which run is the
current one. `fast` is the generated path.
"""
