"""The commands on the database: upgrade it, back it up, put a backup back."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from jitbot.errors import SettingsError, Tampered
from jitbot.model import Request
from jitbot.settings import Settings

database = typer.Typer(help="The database.", no_args_is_help=True)

NAMED = 10
"""So many requests of a kind are named; the record has all of them."""


@database.command("upgrade")
def upgrade() -> None:
    """Bring the database to the newest schema; refused while a jitbot runs that may not go on beside it."""
    from jitbot.settings import read_settings
    from jitbot.store.keys import read_keys
    from jitbot.store.upgrade import upgrade as upgrade_now

    settings = read_settings()
    upgrade_now(settings.database_url, read_keys(settings.key_file) if settings.key_file.exists() else None)
    typer.secho("The database has the newest schema.", fg="green")


@database.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(help="The file to make; one that is there is never replaced.")],
) -> None:
    """Write a backup of the database, as it is at this instant, while jitbot runs."""
    from jitbot.settings import read_settings
    from jitbot.store.backup import back_up

    settings = read_settings()
    back_up(settings.database_url, file)
    typer.secho(f"{file} holds the database as it was when this began.", fg="green")
    typer.echo(f"The signing key ({settings.key_file}) is not in it: keep a copy of that somewhere else.")


@database.command("restore")
def restore(file: Annotated[Path, typer.Argument(help="A file that `jitbot db backup` has made.")]) -> None:
    """Put a backup into an empty database, and go through it, so that nothing starts by itself that may have run since.

    Every jitbot has to be stopped, and the signing key has to be in its place.
    """
    from jitbot.settings import read_settings
    from jitbot.store.backup import put_back

    settings = read_settings()
    put_back(settings.database_url, file)
    _go_through(settings)


@database.command("restored")
def restored(
    by_other_means: Annotated[
        bool, typer.Option("--by-other-means", help="It was put back without `jitbot db restore`, as by a snapshot.")
    ] = False,
) -> None:
    """Go through a database that was put back: after a restore that was interrupted, or one by other means."""
    from jitbot.settings import read_settings
    from jitbot.store.backup import marked

    settings = read_settings()
    if not by_other_means and not marked(settings.database_url):
        raise SettingsError(
            "Nothing says that this database was put back from a backup. If it was, by other means, say so with "
            "--by-other-means: everything in it that has not started is then closed."
        )
    _go_through(settings)


def _go_through(settings: Settings) -> None:
    from jitbot.compose import go_through_backup

    try:
        found, through = go_through_backup(settings)
    except Tampered as error:
        raise Tampered(
            f"{error} The record does not hold, so nothing may run on this database. Is {settings.key_file} the key "
            "that it was signed with? Then go on with: jitbot db restored"
        ) from error
    typer.secho(f"The record holds: {found.events} events, every signature is right.", fg="green")
    typer.echo(f"The newest event is of {_instant(found.newest)}. Nothing that came later is known any more.")
    _tell("Closed, since it may have run later (people ask again)", through.closed)
    _tell("Unsure, since it was running (people look, and settle it)", through.unsure)
    _tell("Not watched any longer, and not verified", through.unwatched)
    _tell("Goes on as it was, and ends on time", through.going_on)
    if through.set_aside:
        typer.echo(f"Taken in, and not carried out: {len(through.set_aside)}. Whoever asked is told.")
    typer.echo(
        "Then:\n"
        "  1. Start jitbot. It ends what is over, and draws the cards anew.\n"
        "  2. Run: jitbot grants reconcile. It finds what is held without a grant, such as what was given later.\n"
        "  3. Look in the channels for what was done later: cards of requests that are lost answer to nobody.\n"
        "  4. End by hand what the record does not know of, and see whether delegations stand that were ended."
    )


def _tell(what: str, requests: Sequence[Request]) -> None:
    if not requests:
        return
    more = f" and {len(requests) - NAMED} more" if len(requests) > NAMED else ""
    typer.echo(f"{what}: {', '.join(each.name for each in requests[:NAMED])}{more}.")


def _instant(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else "no time at all: there is none"
