"""The commands about policy files: check, test, explain, replay, new, fmt, schema."""

from pathlib import Path
from typing import Annotated

import typer

from jitbot.errors import JitbotError
from jitbot.model import Kind

policy = typer.Typer(help="The policy files.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(help="The folder with the policy files.")]
POLICIES = Path("policies")


@policy.command("check")
def policy_check(
    folder: Folder = POLICIES,
    strict: Annotated[bool, typer.Option("--strict", help="Advice fails the check too: exit code 1.")] = False,
    ceiling: Annotated[
        Path | None, typer.Option(help="The ceiling of the machines where they would run; what goes beyond fails.")
    ] = None,
    pool: Annotated[str, typer.Option(help="The pool that the ceiling is for; else it is that of jitbot itself.")] = "",
) -> None:
    """Load the policies as the bot would: every fault with its place, then advice on what may not be meant."""
    from jitbot.cli.explaining import as_instant
    from jitbot.cli.loading import check_ceiling, lint_policies
    from jitbot.settings import read_settings

    if ceiling is not None:
        beyond = check_ceiling(folder, read_settings(), ceiling, pool)
        for found in beyond:
            typer.secho(f"{found.where}: ceiling: {found.action}: {found.why}", fg="yellow" if found.perhaps else "red")
        if not all(found.perhaps for found in beyond):
            raise typer.Exit(1)
    policies, advice = lint_policies(folder, read_settings(), as_instant(""))
    for each in advice:
        typer.secho(f"{each.where}: {each.topic}: {each.message}", fg="yellow")
    rules = sum(len(action.rules) for action in policies.actions.values())
    said = f"{folder}: {_number(len(policies.actions), 'action')}, {_number(rules, 'rule')}"
    if not advice:
        typer.secho(f"{said}, all in order.", fg="green")
        return
    typer.secho(f"{said}; {len(advice)} to look at. Where one is meant: # accept: {advice[0].topic}", fg="yellow")
    if strict:
        raise typer.Exit(1)


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


@policy.command("test")
def policy_test(
    folder: Folder = POLICIES,
    words: Annotated[str, typer.Option("--only", "-k", help="Only cases with these words in name or file.")] = "",
    junit: Annotated[Path | None, typer.Option(help="Write the results to this file as JUnit XML.")] = None,
    min_coverage: Annotated[
        float, typer.Option(min=0, max=100, help="Fail when fewer percent of the rules are reached.")
    ] = 0,
) -> None:
    """Run the cases (*.cases.yml) beside the policies, and say which rules none of them reaches."""
    from jitbot.cli.cases import report
    from jitbot.cli.loading import open_bench
    from jitbot.settings import read_settings
    from jitbot.workbench.junit import junit as as_junit
    from jitbot.workbench.suite import run_cases

    if words and min_coverage:
        raise typer.BadParameter("--min-coverage counts all cases, so leave --only out.")
    tested = run_cases(folder, open_bench(folder, read_settings()), words)
    if junit is not None:
        junit.write_bytes(as_junit(tested.judged))
    if not report(tested, whole=not words, wanted=min_coverage):
        raise typer.Exit(1)


@policy.command("explain")
def policy_explain(  # noqa: PLR0913 - the options of one command
    words: Annotated[list[str], typer.Argument(metavar="ACTION KEY=VALUE…", help="What is typed after /jit.")],
    *,
    requester: Annotated[str, typer.Option("--as", help="Who asks: a Slack id, an e-mail address, or @name.")],
    folder: Annotated[Path, typer.Option("--policies", help="The folder with the policy files.")] = POLICIES,
    at: Annotated[str, typer.Option(help="When: 2026-12-24T23:00:00+01:00; now if left out.")] = "",
    reason: Annotated[str | None, typer.Option(help="Why; if left out, reasons are not looked at.")] = None,
    ttl: Annotated[str, typer.Option("--for", help="For how long: 30m.")] = "",
    kind: Annotated[Kind, typer.Option(help="What asks.")] = Kind.PERSON,
    targets: Annotated[int | None, typer.Option(min=0, help="How many things the plan touches.")] = None,
    groups: Annotated[list[str], typer.Option("--group", help="Who asks is in it; or NAME=WHO,WHO.")] = [],  # noqa: B006 - never changed
    on_call: Annotated[list[str], typer.Option(help="Who asks is on call there; or NAME=WHO,WHO.")] = [],  # noqa: B006 - never changed
    facts: Annotated[list[str], typer.Option("--fact", help="A fact's value: NAME=VALUE.")] = [],  # noqa: B006 - never changed
    attributes: Annotated[list[str], typer.Option("--attribute", help="What who asks has: NAME=VALUE.")] = [],  # noqa: B006 - never changed
    frozen: Annotated[list[str], typer.Option(help="A freeze whose calendar says it holds; or NAME=no.")] = [],  # noqa: B006 - never changed
    used: Annotated[list[str], typer.Option(help="How often a rule with a quota was used: RULE=NUMBER.")] = [],  # noqa: B006 - never changed
    unread: Annotated[
        list[str],
        typer.Option(help="What cannot be read: group:NAME, oncall:NAME, attribute:NAME, freeze:NAME, facts.NAME."),
    ] = [],  # noqa: B006 - never changed
    approved_by: Annotated[list[str], typer.Option(help="Who approves.")] = [],  # noqa: B006 - never changed
    waited: Annotated[str, typer.Option(help="How long it has waited for reviews by now: 30m.")] = "",
    overdue: Annotated[
        bool | None,
        typer.Option("--review-overdue/--no-review-overdue", help="Whether who asks owes a review after break-glass."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole decision as JSON.")] = False,
) -> None:
    """Say what would be decided, and why. Nothing is looked up and nothing runs."""
    from jitbot.cli.explaining import as_instant, show
    from jitbot.cli.loading import open_bench
    from jitbot.settings import read_settings
    from jitbot.workbench.whatif import WhatIf, explain_what_if

    said = WhatIf(
        words=words,
        requester=requester,
        at=as_instant(at),
        kind=kind,
        reason=reason,
        ttl=ttl,
        targets=targets,
        groups=groups,
        on_call=on_call,
        facts=facts,
        attributes=attributes,
        used=used,
        frozen=frozen,
        unread=unread,
        approved_by=approved_by,
        waited=waited,
        overdue=overdue,
    )
    show(explain_what_if(open_bench(folder, read_settings()), said), as_json=as_json)


@policy.command("replay")
def policy_replay(
    since: Annotated[str, typer.Option(help="How far to look back: 30d, or a point in time.")],
    against: Annotated[Path | None, typer.Option(help="The changed policies; those in force if left out.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole result as JSON.")] = False,
) -> None:
    """Decide past requests again by changed policies; exit code 1 where a decision changes, 2 on an error."""
    from jitbot.cli.loading import open_bench
    from jitbot.cli.replaying import parse_since, show
    from jitbot.compose import open_record
    from jitbot.settings import read_settings
    from jitbot.workbench.history import past_requests
    from jitbot.workbench.replay import replay

    try:
        settings = read_settings()
        bench = open_bench(against or settings.policies, settings)
        trail, now = open_record(settings)
        replayed = replay(past_requests(trail, parse_since(since, now)), bench)
    except JitbotError as error:
        typer.secho(str(error), fg="red", err=True)
        raise typer.Exit(2) from None
    show(replayed, as_json=as_json)
    if replayed.changes:
        raise typer.Exit(1)


@policy.command("new")
def policy_new(
    team: Annotated[str, typer.Argument(help="The team's name, such as payments.")] = "payments",
    folder: Annotated[Path, typer.Option("--policies", help="The folder for the files.")] = POLICIES,
) -> None:
    """Write a commented starter for a team: its policy, its cases, and what the folder lacks; nothing is replaced."""
    from jitbot.cli.loading import open_bench
    from jitbot.settings import read_settings
    from jitbot.workbench.starter import start

    for path in start(team, folder, lambda: open_bench(folder, read_settings())):
        typer.secho(f"{path} written", fg="green")
    typer.echo(f"Read them, change them, then: jitbot policy check {folder} && jitbot policy test {folder}")


@policy.command("fmt")
def policy_fmt(
    folder: Folder = POLICIES,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit code 1 if a file would change.")] = False,
) -> None:
    """Lay out policy files and cases alike. What they say, their comments and their order stay."""
    from jitbot.workbench.formatting import format_folder

    changed = format_folder(folder, write=not check)
    for path in changed:
        typer.secho(f"{path} would change" if check else f"{path} written", fg="yellow" if check else "green")
    if not changed:
        typer.secho(f"{folder}: every file is laid out as it should be.", fg="green")
    elif check:
        raise typer.Exit(1)


@policy.command("schema")
def policy_schema(
    cases: Annotated[bool, typer.Option("--cases", help="The schema of *.cases.yml instead.")] = False,
) -> None:
    """Print the JSON Schema of policy files, for editors."""
    from jitbot.workbench.schemas import cases_text, policy_text

    typer.echo(cases_text() if cases else policy_text(), nl=False)
