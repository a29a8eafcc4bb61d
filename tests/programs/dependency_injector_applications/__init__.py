"""Small applications in the layouts that people give programs of dependency-injector, with `ResourceContainer`.

Each folder is one application: a package with `containers.py`, wired to its own modules by relative names or by a call.
The `test_*.py` beside them send requests through the framework's own test client. A framework that is not installed has
its tests skipped; the extra `applications` has them all, and CI runs the tests with it.
"""
