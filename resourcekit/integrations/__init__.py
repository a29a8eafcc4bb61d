"""Each framework in one file, imported by the user, never by us."""
