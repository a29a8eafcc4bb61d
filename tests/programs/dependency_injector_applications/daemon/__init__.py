"""A daemon: tasks that a dispatcher repeats until it is stopped."""
