"""The example's `prod` container on a real PostgreSQL server, started here on loopback and stopped afterwards."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.programs.test_airports import run_example

PASSWORD = "correct horse"


def server_binaries() -> Path | None:
    """The directory of initdb and pg_ctl: in PATH, or where Debian has them."""
    found = [Path(path).resolve().parent for name in ("pg_ctl", "initdb") if (path := shutil.which(name))]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((path for path in found if (path / "pg_ctl").exists() and (path / "initdb").exists()), None)


def free_port() -> int:
    """A port of loopback that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def unprivileged() -> pwd.struct_passwd | None:
    """Whom to run the server as: it refuses to run as root. None: as who we are."""
    if os.geteuid() != 0:
        return None
    names = {user.pw_name for user in pwd.getpwall()}
    return next(pwd.getpwnam(name) for name in ("postgres", "nobody") if name in names)


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """An empty directory that the server's user can reach, as pytest's are closed to other users."""
    place = Path(tempfile.mkdtemp(prefix="resourcekit-postgres-"))
    user = unprivileged()
    if user is not None:
        os.chown(place, user.pw_uid, user.pw_gid)
    yield place
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[dict[str, str]]:
    """A PostgreSQL server with an empty database: the example's variables."""
    binaries = server_binaries()
    if binaries is None:
        pytest.skip("there are no PostgreSQL server binaries, neither in PATH nor in /usr/lib/postgresql")
    user = unprivileged()

    def execute(program: str, *arguments: str) -> None:
        with (place / "output").open("a") as output:  # not a pipe: the server would inherit it and keep it open
            done = subprocess.run(
                [str(binaries / program), "-D", str(place / "data"), *arguments],
                cwd=place,
                stdout=output,
                stderr=subprocess.STDOUT,
                user=user.pw_uid if user else None,
                group=user.pw_gid if user else None,
                extra_groups=[] if user else None,
                check=False,
            )
        assert done.returncode == 0, (place / "output").read_text()

    (place / "password").write_text(PASSWORD, encoding="utf-8")
    authentication = ("-A", "scram-sha-256", f"--pwfile={place / 'password'}")
    execute("initdb", "-U", "pilot", *authentication, "-E", "UTF8", "--no-locale", "--no-sync")
    port = free_port()
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    execute("pg_ctl", "start", "-w", "-s", "-o", options)
    yield {
        "APP_ENV": "prod",
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(port),
        "DB_NAME": "postgres",
        "DB_USER": "pilot",
        "DB_PASSWORD": PASSWORD,
    }
    execute("pg_ctl", "stop", "-w", "-s", "-m", "fast")


def test_prod_answers_as_dev_does(server: dict[str, str], tmp_path: Path) -> None:
    """The same program loads the airports into PostgreSQL, and the answers are those that SQLite gives."""
    answers = {}
    for name, variables in (("dev", {}), ("prod", server)):
        place = tmp_path / name
        place.mkdir()
        done = run_example(place, **variables)
        assert done.returncode == 0
        assert done.stderr.startswith(f"run of {name.capitalize()}: success")
        assert PASSWORD not in done.stdout + done.stderr
        answers[name] = (place / "airports.md").read_text(encoding="utf-8")
    assert answers["prod"] == answers["dev"]
    assert not (tmp_path / "prod" / "airports.db").exists()


def test_a_refused_password_is_told_not_shown(server: dict[str, str], tmp_path: Path) -> None:
    """The server's own error surfaces, with a note that names the resource, and without the password."""
    done = run_example(tmp_path, **server | {"DB_PASSWORD": "battery staple"})
    assert done.returncode == 1
    assert "password authentication failed" in done.stderr
    assert "airports" in done.stderr.splitlines()[-2]
    assert "battery staple" not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
