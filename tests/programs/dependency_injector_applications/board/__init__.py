"""A Starlette application that the container makes, with dependency-injector's own lifespan."""
