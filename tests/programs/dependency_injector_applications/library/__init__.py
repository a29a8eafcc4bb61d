"""A Flask application with blueprints: every module of a package is wired, by its relative name."""
