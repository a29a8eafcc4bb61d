"""A command that lists recipes, from a file or a database as its configuration says."""
