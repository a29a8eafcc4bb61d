"""A FastAPI application with SQLAlchemy: a database, a repository and a service, by sessions of the database."""
