"""Packages with containers of their own, which say what they depend on."""

import sqlite3

from dependency_injector import providers

from resourcekit import ResourceContainer

from . import services


class UserPackage(ResourceContainer):
    database = providers.Dependency(instance_of=sqlite3.Connection)
    users = providers.Factory(services.Users, database)


class PicturePackage(ResourceContainer):
    database = providers.Dependency(instance_of=sqlite3.Connection)
    store = providers.Dependency()
    pictures = providers.Singleton(services.Pictures, database, store=store)


class ReportPackage(ResourceContainer):
    users = providers.Dependency()
    pictures = providers.Dependency()
    report = providers.Singleton(services.Report, users=users, pictures=pictures)


class Application(ResourceContainer):
    config = providers.Configuration(default={"dsn": ":memory:"})
    database = providers.Singleton(sqlite3.connect, config.dsn)
    store = providers.Singleton(services.Store, "KEY", "SECRET")

    user_package = providers.Container(UserPackage, database=database)
    picture_package = providers.Container(PicturePackage, database=database, store=store)
    report_package = providers.Container(ReportPackage, users=user_package.users, pictures=picture_package.pictures)
