"""The generated path of a run: straight-line code for a plan, made once by `generation`.

Knows the hooks of a plan and the values of its resources. Where a hook fails, the machine goes on from there.
"""
