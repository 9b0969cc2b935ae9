"""Print which keys sign the record, and what has come of having another one sign."""

import typer
from rich.console import Console
from rich.table import Table

from jitbot.store.keys import public_pem
from jitbot.store.rotation import Listed, Rotation


def show(rotation: Rotation, *, pem: bool) -> None:
    """Print the keys, oldest first."""
    listed = rotation.listed()
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


def prepare(rotation: Rotation) -> None:
    """Make the next key."""
    following = rotation.prepare()
    typer.echo(
        f"The key {following.key} is in the key file, and does not sign yet. Copy the file to every machine that "
        "signs, then run: jitbot audit rotate-key"
    )


def rotate(rotation: Rotation, *, lost: bool) -> None:
    """Have the next key sign."""
    rotated = rotation.rotate(lost=lost)
    typer.secho(f"The key {rotated.key} signs from now on.", fg="green")
    for file in rotated.retired:
        typer.echo(
            f"{file} is the private half of the one before. Nothing here needs it: move it to where you keep secrets, "
            "for backups from before. Then copy the key file to every other machine that signs."
        )
    typer.echo("Give auditors the new public key too: jitbot audit keys --pem")


def _signs(each: Listed) -> str:
    if each.first is None:
        return "none yet"
    return f"{each.first} to {each.last}" if each.last is not None else f"{each.first} on, now"
