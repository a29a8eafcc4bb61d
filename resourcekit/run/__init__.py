"""One run, the app scope, the view, the current run, the overrides in force, and what invalidates what is kept.

Resolves config, sets up, gives the live resources, tears down. Does not know dependency-injector: a container hands it
a `Blueprint`.
"""
