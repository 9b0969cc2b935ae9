"""The commands, one function each: read options, call the work, print what came of it."""

import logging
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from jitbot.cli.auditing import audit
from jitbot.cli.database import database
from jitbot.cli.grants import grants
from jitbot.cli.halt import halt
from jitbot.cli.policies import policy
from jitbot.cli.pools import pool
from jitbot.errors import JitbotError

app = typer.Typer(
    help="Just-in-time approval of risky operations, in Slack.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(audit, name="audit")
app.add_typer(database, name="db")
app.add_typer(grants, name="grants")
app.add_typer(halt, name="halt")
app.add_typer(policy, name="policy")
app.add_typer(pool, name="pool")


def run() -> None:
    """Run the command line; an error of ours is one clear message and exit code 1."""
    try:
        app()
    except JitbotError as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(1)


def log_to(stream: Any, level: str = "INFO") -> None:
    """Log lines for people; what people typed and who they are stays out of them."""
    logging.basicConfig(stream=stream, level=level, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    for chatty in ("alembic", "apscheduler", "asyncssh", "httpx2", "procrastinate"):
        logging.getLogger(chatty).setLevel("WARNING")


@app.command()
def serve(
    roles: Annotated[str, typer.Option(help="What this process does, comma-separated; all of it, else.")] = "",
) -> None:
    """Run the bot until it is told to stop (SIGTERM or Ctrl-C)."""
    from jitbot.bot import serve as serve_until_told
    from jitbot.settings import read_settings

    settings = read_settings(**({"roles": roles} if roles else {}))
    log_to(sys.stderr, settings.log_level)
    serve_until_told(settings)


@app.command()
def worker(
    pool: Annotated[str, typer.Option(help="The pool to work in, as policies name it.")],
) -> None:
    """Work in a pool until told to stop (SIGTERM or Ctrl-C): do what the service asks of its runners."""
    from jitbot.bot import work
    from jitbot.settings import read_settings

    settings = read_settings()
    log_to(sys.stderr, settings.log_level)
    work(settings, pool)


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Where the local Slack listens.")] = 3900,
    folder: Annotated[Path, typer.Option(help="Where the demo keeps its database, key and log.")] = Path("var/demo"),
    policies: Annotated[Path, typer.Option(help="The policies it decides by.")] = Path("policies"),
    database_url: Annotated[str, typer.Option(help="Another database than a SQLite file in the folder.")] = "",
    http: Annotated[bool, typer.Option("--http", help="Have Slack deliver over signed HTTP, not a socket.")] = False,
) -> None:
    """Start a local Slack, the bot and a little service to operate on, and say where to look."""
    from jitbot.cli.demo import Demo

    with Demo(port=port, folder=folder, policies=policies, database_url=database_url, http=http) as running:
        typer.echo(running.welcome())
        running.wait()


@app.command()
def sandbox(
    workspace: Annotated[Path, typer.Argument(help="The file with its people, channels and groups.")],
    host: Annotated[str, typer.Option(help="The address it listens on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port it listens on.")] = 3900,
) -> None:
    """Run a local Slack in the browser, for trying out and for tests."""
    from jitbot.sandbox.local import serve as serve_slack
    from jitbot.sandbox.workspace import WorkspaceFault

    typer.echo(f"The local Slack is at http://{host}:{port}/ (Ctrl-C ends it).")
    try:
        serve_slack(workspace, host, port)
    except (WorkspaceFault, OSError) as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(1) from None


@app.command()
def doctor() -> None:
    """Check tokens, scopes, channels, policies, database, files and runners, and say what to do about each fault."""
    from jitbot.cli.doctor import examine
    from jitbot.settings import read_settings

    findings = examine(read_settings())
    for finding in findings:
        sign, colour = ("✓", "green") if finding.good else ("✗", "red")
        typer.secho(f"{sign} {finding.subject}: {finding.said}", fg=colour)
        if finding.advice:
            typer.echo(f"    → {finding.advice}")
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)


@app.command()
def output(
    request: Annotated[str, typer.Argument(help="The request, JIT-12.")],
    undo: Annotated[bool, typer.Option("--undo", help="What its undo said, not its start.")] = False,
    attempt: Annotated[int | None, typer.Option(min=1, help="Which attempt; the newest, if you do not say.")] = None,
    results: Annotated[bool, typer.Option("--results", help="What it found for its requester; on record.")] = False,
) -> None:
    """Print what a run has said, and whether it is what the record says; exit code 1 where it is not."""
    from jitbot.cli.output import Wanted, show
    from jitbot.compose import open_store
    from jitbot.settings import read_settings

    store = open_store(read_settings())
    wanted = Wanted(request, undo=undo, attempt=attempt or 0, results=results)
    if not show(store.ledger, store.outputs, store.trail, wanted):
        raise typer.Exit(1)


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    typer.echo(installed("jitbot"))
