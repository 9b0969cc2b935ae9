"""`jitbot halt set`, `list` and `lift`: on the server, also while Slack is down or the policies are broken."""

import re
from typing import Annotated

import typer

from jitbot.cli.login import login
from jitbot.errors import Conflict, InvalidInput, Unavailable
from jitbot.model import Halt, HaltId, HaltKind
from jitbot.service.halt_changes import find, lift, reason, set_halt

halt = typer.Typer(help="Stop the starts of a person, an action, a pool or everything.", no_args_is_help=True)
TRIES = 3
_USER = re.compile(r"[UW][A-Z0-9_]{1,30}")
Why = Annotated[str, typer.Option("--reason", help="Why; everybody reads it.")]


@halt.command("set")
def set_(
    kind: Annotated[HaltKind, typer.Argument(help="What it is about.")],
    of: Annotated[str, typer.Argument(help="A Slack user id, an action or a pool; nothing for all.")] = "",
    why: Why = "",
) -> None:
    """Stop starts at once. What runs or is held goes on, and ends when it would."""
    from jitbot.compose import open_halts
    from jitbot.settings import read_settings

    said = reason(why)
    if (kind is HaltKind.ALL) is bool(of):
        raise InvalidInput("Name what is halted: jitbot halt set action restart --reason …; nothing for all.")
    if kind is HaltKind.PERSON and not _USER.fullmatch(of):
        raise InvalidInput(
            f"{of[:40]!r} is no Slack user id. They look like U012ABCDEF: “Copy member ID” in a profile."
        )
    ledger, halts = open_halts(read_settings())
    for _ in range(TRIES):
        try:
            with ledger.begin() as entry:
                new = Halt(HaltId(0), kind, of, f"{login()} on the server", said, entry.now)
                made = set_halt(entry, halts.follow(), new, login=login())
        except Conflict:
            continue
        typer.secho(f"{made.name}: {made.what} is halted.", fg="yellow")
        return
    raise Unavailable(halts.known.fault or "Others are changing halts just now. Try again.")


@halt.command("list")
def list_() -> None:
    """Print what is halted."""
    from jitbot.compose import open_halts
    from jitbot.settings import read_settings

    _, halts = open_halts(read_settings())
    known = halts.follow()
    for each in known.standing:
        typer.echo(f"{each.name}  {each.what}, since {each.since:%Y-%m-%d %H:%M} UTC by {each.by}: {each.why}")
        if each.lift_at is not None:
            typer.echo(f"     {each.lift_by} wants it lifted, since {each.lift_at:%Y-%m-%d %H:%M} UTC")
    if known.fault:
        raise Unavailable(known.fault)
    if not known.standing:
        typer.secho("Nothing is halted.", fg="green")


@halt.command("lift")
def lift_(name: Annotated[str, typer.Argument(help="Which, as in H-3.")], why: Why = "") -> None:
    """Let it start again, at once and alone; it is put on record, and the operators' channel is told."""
    from jitbot.compose import open_halts
    from jitbot.settings import read_settings

    said = reason(why)
    ledger, halts = open_halts(read_settings())
    for _ in range(TRIES):
        known = halts.follow()
        found = find(known, name)
        try:
            with ledger.begin() as entry:
                lift(entry, known, found, f"{login()} on the server", why=said, login=login())
        except Conflict:
            continue
        typer.secho(f"{found.name} is lifted: {found.what} may start again.", fg="green")
        return
    raise Unavailable(halts.known.fault or "Others are changing halts just now. Try again.")
