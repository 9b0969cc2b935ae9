"""`jitbot grants reconcile`: who holds what in other systems, against what the ledger says."""

import json
from typing import Annotated

import typer

grants = typer.Typer(help="Grants, and the systems they were given in.", no_args_is_help=True)


@grants.command("reconcile")
def reconcile(
    targets: Annotated[
        list[str] | None, typer.Argument(help="With --repair: only these targets, also those that are unclear.")
    ] = None,
    repair: Annotated[bool, typer.Option("--repair", help="Put right what is missing and what is left over.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Compare live grants with the systems they were given in; exit code 1 where something is wrong and stays so.

    It looks with the credentials of this machine. What is repaired is undone by the running bot.
    """
    from jitbot.compose import open_reconciling
    from jitbot.settings import read_settings

    reconciling = open_reconciling(read_settings())
    findings = reconciling.look()
    unknown = sorted(set(targets or ()) - {each.target for each in findings})
    if unknown:
        raise typer.BadParameter(f"nothing is wrong with {', '.join(unknown)}.", param_hint="TARGETS")
    wrong = 0
    for finding in findings:
        chosen = repair and (not targets or finding.target in targets)
        repaired = chosen and reconciling.repair(finding, named=bool(targets))
        wrong += finding.is_wrong and not repaired
        name = finding.request.name if finding.request else ""
        if as_json:
            body = {"kind": finding.kind, "target": finding.target, "request": name or None, "said": finding.said}
            typer.echo(json.dumps({**body, "repaired": repaired}, ensure_ascii=False))
            continue
        colour = "green" if repaired else "red" if finding.is_wrong else None
        done = " → is being put right" if repaired else ""
        typer.secho(f"{finding.kind}: {finding.target}{f' ({name})' if name else ''}: {finding.said}{done}", fg=colour)
    if not findings and not as_json:
        typer.secho("Every live grant is held, and nobody holds anything that jitbot gave without one.", fg="green")
    if wrong:
        raise typer.Exit(1)
