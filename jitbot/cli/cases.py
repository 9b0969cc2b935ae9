"""Print what came of policy cases: what is not as expected, why, and which rules no case reaches."""

from textwrap import indent

import typer

from jitbot.workbench.judging import Judged
from jitbot.workbench.suite import Tested

WIDEST = 9


def report(tested: Tested, *, whole: bool, wanted: float) -> bool:
    """Print the results, coverage only of a whole run; tell whether all is well."""
    for judged in tested.failed:
        _failure(judged)
    failed, number = len(tested.failed), len(tested.judged)
    if not number:
        typer.secho("No case has these words in its name or file.", fg="red")
    elif failed:
        typer.secho(f"{failed} of {number} cases did not come out as expected.", fg="red")
    else:
        typer.secho(f"{number} cases, all as expected.", fg="green")
    enough = _coverage(tested, wanted) if whole else True
    return enough and bool(number) and not failed


def _failure(judged: Judged) -> None:
    case = judged.case
    typer.secho(f"✗ {case.file}:{case.line}  {case.name}", fg="red", bold=True)
    for each in judged.differences:
        typer.echo(f"    {each.what:<{WIDEST}} expected  {each.expected}")
        typer.secho(f"    {'':<{WIDEST}} got       {each.got}", fg="yellow")
    typer.echo(indent(judged.why, "    ") + "\n")


def _coverage(tested: Tested, wanted: float) -> bool:
    enough = tested.coverage >= wanted
    covered = tested.rules - len(tested.unreached)
    least = "" if enough else f"; {wanted:g} % are wanted"
    colour = "green" if not tested.unreached else "yellow" if enough else "red"
    typer.secho(f"{covered} of {tested.rules} rules are reached by a case ({tested.coverage:.0f} %){least}.", fg=colour)
    for where, name in tested.unreached:
        typer.echo(f"    {where}  {name}")
    return enough
