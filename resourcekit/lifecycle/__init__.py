"""Setting up and tearing down: one piece of logic that decides, two small drivers that call the hooks."""
