"""`llava-ocr serve`: the analysts' pages. `user` and `token`: who may see them."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from llava_ocr.db.people import (
    COMMAND_LINE,
    add_token,
    count_users,
    list_users,
    note,
    remove_tokens,
    remove_user,
    save_user,
)
from llava_ocr.db.session import Database, existing_database
from llava_ocr.errors import ConfigError
from llava_ocr.review.people import Role
from llava_ocr.services import open_services
from llava_ocr.settings import load_settings

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

Url = Annotated[str | None, typer.Option("--db", help="Database URL; default LLAVA_OCR_DB")]
Name = Annotated[str, typer.Argument(help="Name")]

users = typer.Typer(help="Who may sign in to the pages: add, list, remove.", no_args_is_help=True)
tokens = typer.Typer(help="Keys of programs to the API: add, remove.", no_args_is_help=True)


class NobodyMaySignIn(ConfigError):
    """The pages would be open to a network, and nobody has a password."""

    hint = "Add somebody first: `llava-ocr user add NAME --role admin`; or keep to --host 127.0.0.1."


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(name="serve")(serve)
    app.add_typer(users, name="user")
    app.add_typer(tokens, name="token")


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; other than this machine's takes users")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65_535)] = 8765,
    name: Annotated[list[str] | None, typer.Option(help="A name that browsers reach it by; may be repeated")] = None,
    https: Annotated[bool, typer.Option("--https", help="A proxy in front of it speaks HTTPS")] = False,
    proxy: Annotated[
        list[str] | None,
        typer.Option(help="Address or network of a proxy whose X-Forwarded-For is believed; may be repeated"),
    ] = None,
    db: Url = None,
    schemas: Annotated[Path | None, typer.Option(help="A folder of schema files of your own")] = None,
) -> int:
    """Show records in the browser: search them, see where each value was read, review and correct."""
    # FastAPI takes a second to import, which the other commands need not pay.
    from llava_ocr.web.opening import listening, open_site, run_server

    proxies = tuple(_network(address) for address in proxy or ())
    settings = load_settings(db=db, schemas=schemas)
    with listening(host, port) as server, open_services(settings) as services:
        must_sign_in = needs_sign_in(services.database, host)
        hosts = frozenset({host.lower(), *(other.lower() for other in name or ())})
        hosts |= LOOPBACK if host.lower() in LOOPBACK else frozenset()
        with open_site(services, hosts=hosts, must_sign_in=must_sign_in, is_https=https, proxies=proxies) as site:
            at = f"{host}:{server.getsockname()[1]}"
            Console(stderr=True).print(f"[bold]http://{at}/[/]  Ctrl+C ends it", highlight=False)
            run_server(site, server)
    return 0


def _network(address: str) -> str:
    try:
        return str(ip_network(address, strict=False))
    except ValueError:
        raise ConfigError(f"--proxy {address}: is no address; give one such as 10.0.0.7 or 10.0.0.0/24") from None


def needs_sign_in(db: Database, host: str) -> bool:
    """Whether people must sign in: once there are users, and always where others can reach the pages.

    Raises NobodyMaySignIn where others can and there are none.
    """
    with db.reading() as connection:
        num_users = count_users(connection)
    if not num_users and host.lower() not in LOOPBACK:
        raise NobodyMaySignIn(f"{host} can be reached from other machines, and there are no users")
    return num_users > 0


@users.command("add")
def add_user(
    name: Name,
    role: Annotated[Role, typer.Option(help="viewer looks, reviewer corrects, admin decides")] = Role.VIEWER,
    password: Annotated[str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True)] = "",
    db: Url = None,
) -> int:
    """Add somebody, or give them another password or role. From the first one on, everybody must sign in."""
    with existing_database(db or load_settings().db) as database, database.writing() as connection:
        save_user(connection, name, password, role)
        note(connection, COMMAND_LINE, f"made {role.value}", name)
    return 0


@users.command("list")
def show_users(db: Url = None) -> int:
    """List who may sign in."""
    with existing_database(db or load_settings().db) as database, database.reading() as connection:
        for person in list_users(connection):
            Console().print(f"{person.name}  {person.role.value}", highlight=False, markup=False)
    return 0


@users.command("remove")
def drop_user(name: Name, db: Url = None) -> int:
    """Remove somebody. Who is signed in stays so until the server starts again."""
    with existing_database(db or load_settings().db) as database, database.writing() as connection:
        if not remove_user(connection, name):
            raise ConfigError(f"there is no user {name}")
        note(connection, COMMAND_LINE, "removed user", name)
    return 0


@tokens.command("add")
def make_token(
    name: Name,
    role: Annotated[Role, typer.Option()] = Role.VIEWER,
    days: Annotated[int | None, typer.Option(min=1, help="Ends after so many days")] = 90,
    db: Url = None,
) -> int:
    """Make a token for a program and print it, once: `Authorization: Bearer TOKEN`."""
    with existing_database(db or load_settings().db) as database, database.writing() as connection:
        token = add_token(connection, name, role, days=days)
        note(connection, COMMAND_LINE, f"made token of {role.value}", name)
    Console().print(token, highlight=False, soft_wrap=True)
    return 0


@tokens.command("remove")
def drop_tokens(name: Name, db: Url = None) -> int:
    """Remove all tokens of a name."""
    with existing_database(db or load_settings().db) as database, database.writing() as connection:
        if not remove_tokens(connection, name):
            raise ConfigError(f"there is no token {name}")
        note(connection, COMMAND_LINE, "removed token", name)
    return 0
