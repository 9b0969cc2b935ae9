"""The commands that look after worker pools."""

from typing import Annotated

import typer

pool = typer.Typer(help="Worker pools.", no_args_is_help=True)


@pool.command()
def create(name: Annotated[str, typer.Argument(help="The pool, as policies will name it.")]) -> None:
    """Make a pool's schema and the role of its workers, and print the address to give them; safe to run again."""
    from jitbot.pools.creating import create as make
    from jitbot.settings import read_settings

    made = make(read_settings().database_url, name)
    typer.secho(f"Pool {name}: the schema and the role {made.schema} are there.", fg="green")
    if made.password:
        typer.echo("Its workers reach it by this address, which is shown this once:")
    else:
        typer.echo("The role was there before and keeps its password. Its workers reach it by:")
    typer.echo(f"  JITBOT_DATABASE_URL={made.address}")
    typer.echo(f"Give them the line of `jitbot pool trust`, and the service that of `jitbot pool key {name}` there.")
    typer.echo(f"Put {name} into the service's JITBOT_POOLS, and run: jitbot worker --pool {name}")


@pool.command()
def key(name: Annotated[str, typer.Argument(help="The pool that this worker works in.")]) -> None:
    """Print the line with a worker's public key, for the service's JITBOT_POOL_KEYS; a missing key is made."""
    from jitbot.pools.place import schema_of
    from jitbot.pools.state import key_of
    from jitbot.settings import read_settings
    from jitbot.warrants.keys import key_line

    schema_of(name)
    typer.echo(key_line(name, key_of(read_settings().worker_state / name).public))


@pool.command()
def trust() -> None:
    """Print a line for each of the service's keys that can sign, for the workers' JITBOT_TRUSTED_KEYS."""
    from jitbot.settings import read_settings
    from jitbot.store.keys import open_key
    from jitbot.warrants.keys import SERVICE, key_line

    for signer in open_key(read_settings().key_file).signers.values():
        typer.echo(key_line(SERVICE, signer.public))
