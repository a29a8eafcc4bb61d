"""The adapters and the use case."""

from dependency_injector import providers

from resourcekit import ResourceContainer


class Post:
    """Sends letters."""

    def send(self, to: str) -> str:
        return f"sent to {to}"


class Paper(Post):
    """Only writes them down."""

    def send(self, to: str) -> str:
        return f"written to {to}"


class Welcome:
    """Welcomes a user."""

    def __init__(self, post: Post) -> None:
        self.post = post

    def __call__(self, name: str) -> str:
        return self.post.send(name)


class Adapters(ResourceContainer):
    post = providers.Singleton(Post)


class PaperAdapters(ResourceContainer):
    post = providers.Singleton(Paper)


class UseCases(ResourceContainer):
    adapters = providers.DependenciesContainer()
    welcome = providers.Factory(Welcome, post=adapters.post)
