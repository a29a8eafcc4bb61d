"""A resource class and its objects: fields, deferred values, hooks, construction, `RunContext`.

Knows how a class statement becomes a resource class, and how a declaration and a live resource get their values. Does
not know containers, the environment or files: it never reads a source and never calls a hook.
"""
