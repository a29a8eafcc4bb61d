"""A FastAPI application: endpoints with Depends(Provide[...]) in a module wired by a relative name."""
