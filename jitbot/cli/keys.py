"""`jitbot audit keys`: which keys sign the record, and how another one begins to."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from jitbot.store.rotation import Listed, Rotation

keys = typer.Typer(help="The keys that sign the record.", invoke_without_command=True, no_args_is_help=False)


@keys.callback()
def show(
    context: typer.Context,
    pem: Annotated[bool, typer.Option("--pem", help="Print the public keys as an auditor keeps them.")] = False,
) -> None:
    """List the keys: which events each signs, and which signs now."""
    if context.invoked_subcommand is not None:
        return
    from jitbot.store.keys import public_pem

    listed = _rotation().listed()
    if pem:
        for each in listed:
            typer.echo(public_pem(each.public), nl=False)
        return
    table = Table(box=None, header_style="bold")
    for column in ("key", "signs events", "private half", "public key"):
        table.add_column(column, overflow="fold")
    for each in listed:
        table.add_row(each.key, _signs(each), "here" if each.private else "-", each.public.public_bytes_raw().hex())
    Console(soft_wrap=True).print(table)


@keys.command("rotate")
def rotate(
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Only make the next key, so that the key file can be copied first.")
    ] = False,
    lost: Annotated[
        bool, typer.Option("--lost", help="Nobody has the private half of the present key any more.")
    ] = False,
) -> None:
    """Have another key sign from now on; a jitbot that runs goes over to it by itself."""
    rotation = _rotation()
    if prepare:
        following = rotation.prepare()
        typer.echo(
            f"The key {following.key} is in the key file, and does not sign yet. Copy the file to every machine that "
            "signs, then run: jitbot audit keys rotate"
        )
        return
    rotated = rotation.rotate(lost=lost)
    typer.secho(f"The key {rotated.key} signs from now on.", fg="green")
    for file in rotated.retired:
        typer.echo(f"{file} is the private half of the one before. Nothing here needs it: move it to where you keep")
        typer.echo("secrets, for backups from before, and copy the key file to every other machine that signs.")
    typer.echo("Give auditors the new public key too: jitbot audit keys --pem")


def _signs(each: Listed) -> str:
    if each.first is None:
        return "none yet"
    return f"{each.first} to {each.last}" if each.last is not None else f"{each.first} on, now"


def _rotation() -> Rotation:
    from jitbot.compose import open_store
    from jitbot.settings import read_settings

    settings = read_settings()
    store = open_store(settings)
    return Rotation(settings.key_file, store.ledger, store.trail)
