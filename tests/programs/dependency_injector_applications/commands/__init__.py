"""Commands and handlers: a bus that finds the handler of a command's class."""
