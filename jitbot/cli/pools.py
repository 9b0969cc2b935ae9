"""The commands that look after worker pools."""

from typing import Annotated

import typer

pool = typer.Typer(help="Worker pools.", no_args_is_help=True)


@pool.callback()
def _several() -> None:
    """Keep `create` a command of its own, though it is the only one."""


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
    typer.echo(f"Put {name} into the service's JITBOT_POOLS, and run: jitbot worker --pool {name}")
