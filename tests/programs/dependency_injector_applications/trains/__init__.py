"""An aiohttp application: handlers in a module wired by a relative name."""
