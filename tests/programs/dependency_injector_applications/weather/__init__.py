"""A Flask application: a view in a module of the package, wired by a relative name."""
