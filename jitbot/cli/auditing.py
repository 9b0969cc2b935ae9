"""The commands on the signed record: verify it, print it and its head, list its keys and rotate them."""

from pathlib import Path
from typing import Annotated

import typer

from jitbot.store.rotation import Rotation

audit = typer.Typer(help="The signed record.", no_args_is_help=True)


@audit.command("verify")
def verify(
    mark: Annotated[
        Path | None,
        typer.Option(help="A file that keeps up to where all signatures held; only later ones are verified again."),
    ] = None,
    heads: Annotated[
        list[Path] | None,
        typer.Option("--head", help="A file with heads that were kept elsewhere, or a folder of them."),
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="The auditor's own file of public keys, in place of the key file here.")
    ] = None,
) -> None:
    """Verify every signature, the chain, and heads kept elsewhere; exit code 1 where something was changed."""
    from jitbot.cli.heads import read_all, told
    from jitbot.cli.mark import read, write
    from jitbot.compose import open_witness
    from jitbot.settings import read_settings

    before, kept = read(mark), read_all(heads or [])
    trail, witness = open_witness(read_settings(), key)
    found = trail.verify_from(before)
    fitting = witness.verify(kept)
    if mark is not None:
        write(mark, found)
    seen = f" Signatures up to event {before.count} were verified before." if before.count else ""
    typer.secho(f"{found.count} events, every signature holds and none is missing.{seen}", fg="green")
    if heads:
        typer.secho(told(fitting), fg="green")


@audit.command("head")
def head() -> None:
    """Print the head of the record, signed: one line for whoever keeps it elsewhere."""
    from jitbot.compose import open_store
    from jitbot.settings import read_settings

    typer.echo(open_store(read_settings()).heads.sign().line())


@audit.command("show")
def show(
    request: Annotated[str, typer.Argument(help="One request's events (JIT-12), or all.")] = "",
    after: Annotated[int, typer.Option(help="Only events after this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Print events of the record, oldest first."""
    from jitbot.cli.record import show as print_events
    from jitbot.compose import open_store
    from jitbot.settings import read_settings

    print_events(open_store(read_settings()).trail, request=request, after=after, limit=limit, as_json=as_json)


@audit.command("keys")
def keys(
    pem: Annotated[bool, typer.Option("--pem", help="Print the public keys as an auditor keeps them.")] = False,
) -> None:
    """List the keys of the record: which events each signs, and which signs now."""
    from jitbot.cli.keys import show as print_keys

    print_keys(_rotation(), pem=pem)


@audit.command("rotate-key")
def rotate_key(
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Only make the next key, so that the key file can be copied first.")
    ] = False,
    lost: Annotated[
        bool, typer.Option("--lost", help="Nobody has the private half of the present key any more.")
    ] = False,
) -> None:
    """Have another key sign from now on; a jitbot that runs goes over to it by itself."""
    from jitbot.cli.keys import prepare as make_ready
    from jitbot.cli.keys import rotate

    if prepare:
        make_ready(_rotation())
    else:
        rotate(_rotation(), lost=lost)


def _rotation() -> Rotation:
    from jitbot.compose import open_store
    from jitbot.settings import read_settings

    settings = read_settings()
    store = open_store(settings)
    return Rotation(settings.key_file, store.ledger, store.trail)
