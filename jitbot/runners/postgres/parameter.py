"""Sets a parameter of a server, a database or a login, and puts back exactly what was set there before.

What was there before is written into a mark in the server before anything is changed, so that it can also be restored
when no receipt was handed in.
"""

import re
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self, cast

import psycopg
from pydantic import AfterValidator, BaseModel, Field, model_validator

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.model import Health, HealthState, Plan, Receipt
from jitbot.outbound.text import visible
from jitbot.outbound.values import digest
from jitbot.ports import Run, Site
from jitbot.runners.deadline import seconds_left
from jitbot.runners.postgres import mark, places, roles
from jitbot.runners.postgres.places import Place
from jitbot.runners.postgres.server import Name, Server
from jitbot.runners.postgres.session import Connection, Row, at_once, changing, looking, said

_PARAMETER = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?")
_NEVER = re.compile(
    r".*_command|.*_librar(y|ies)|jit_provider|.*_path(?<!search_path)|primary_conninfo|.*_(key)?file(name)?|.*_director(y|ies)"
)
"""What has the server run programs, load code or read files, and what holds a password."""
_BY_SESSION = frozenset({"user", "superuser", "backend", "superuser-backend"})
"""Contexts of parameters that a session has for itself: only these can be set for a login or a database."""

_FACTS = """
SELECT context, unit, enumvals, pending_restart,
    CASE WHEN source NOT IN ('client', 'session', 'user', 'database', 'database user')
    THEN current_setting(name) END AS in_force
FROM pg_settings WHERE lower(name) = lower(%s)
"""
"""What is in force is not told where jitbot's own session has it otherwise than others."""


def _parameter(name: str) -> str:
    if not _PARAMETER.fullmatch(name):
        raise ValueError("must be the name of a parameter, like work_mem or auto_explain.log_min_duration")
    if _NEVER.fullmatch(name.lower()):
        raise ValueError("is a parameter by which programs are run, code is loaded, files are read or secrets are told")
    return name


def _value(value: str) -> str:
    if visible(value) != value:
        raise ValueError("has characters that cannot be seen")
    return value


class ParameterInputs(Server):
    """A parameter, its value, and for whom: the whole server where neither a login nor a database is named."""

    parameter: Annotated[str, Field(max_length=127), AfterValidator(_parameter)]
    value: Annotated[str, Field(max_length=1_000), AfterValidator(_value)]
    login: Name | None = None
    in_database: Name | None = None
    restart: bool = False
    """Whether a parameter may be set that counts only after somebody has restarted the server."""

    @model_validator(mode="after")
    def _is_a_list(self) -> Self:
        if self.parameter.lower() in places.LISTS:
            places.split(self.value)
        return self

    @property
    def place(self) -> Place:
        return Place(self.parameter, self.login, self.in_database)

    @property
    def mark(self) -> str:
        return mark.named("parameter", self.parameter.lower(), self.login or "", self.in_database or "")


class PostgresParameter:
    """See `ParameterInputs` for what it can be told."""

    Inputs: type[BaseModel] = ParameterInputs
    repeatable = True
    undoable = True

    def __init__(self, site: Site) -> None:
        self._site = site

    def target(self, inputs: BaseModel) -> str:
        told = cast(ParameterInputs, inputs)
        return f"postgres:{told.address} {told.parameter.lower()} of {told.place}"

    def plan(self, inputs: BaseModel) -> Plan:
        told = cast(ParameterInputs, inputs)
        with looking(told, self._site) as connection:
            facts = _demand(connection, told)
            now = places.read(connection, told.place)
        unit = f" (a bare number counts {facts['unit']})" if facts["unit"] else ""
        in_force = facts["in_force"] if now is None else None
        elsewhere = "" if in_force is None else f" (the whole server has {_words(in_force)})"
        lines = [f"- {told.parameter} of {told.place}: {_words(now)}{elsewhere}"]
        lines += [f"+ {told.parameter} of {told.place}: {_words(told.value)}{unit}", *_counting(told, facts)]
        summary = f"Set {told.parameter} of {told.place} on {told.address} to {_words(told.value)}"
        summary += " (needs a restart)." if facts["context"] == "postmaster" else "."
        return Plan(summary, digest(told, now, facts), diff="\n".join(lines), undoable=True)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(ParameterInputs, inputs)
        session, put = (at_once, _set_for_all) if told.place.whole_server else (changing, _set)
        with session(told, self._site, time.time() + seconds_left(run)) as connection:
            facts = _demand(connection, told)
            before = put(connection, told, run.key)
        run.log(f"{told.parameter} of {told.place} is {_words(told.value)}; it was {_words(before)}")
        if facts["context"] == "postmaster":
            run.log("the server must be restarted by hand before this counts")
        return Receipt({"before": before}, summary=f"{told.parameter} is {_words(told.value)}; it was {_words(before)}")

    def check(self, inputs: BaseModel, receipt: Receipt | None) -> Health:
        told = cast(ParameterInputs, inputs)
        with looking(told, self._site) as connection:
            if mark.read(connection, told.mark) is None:
                return Health(HealthState.ABSENT, f"{told.parameter} of {told.place} is not set by jitbot")
            now, facts = places.read(connection, told.place), _facts(connection, told)
        waits = " and waits for a restart of the server" if facts is not None and facts["pending_restart"] else ""
        state = HealthState.HEALTHY if _same(told, now) else HealthState.UNHEALTHY
        return Health(state, f"{told.parameter} of {told.place} is {_words(now)}{waits}")

    def undo(self, inputs: BaseModel, receipt: Receipt | None, run: Run) -> None:
        told = cast(ParameterInputs, inputs)
        session = at_once if told.place.whole_server else changing
        with session(told, self._site, time.time() + seconds_left(run)) as connection:
            note = mark.read(connection, told.mark)
            if note is None:
                run.log(f"{told.parameter} of {told.place} is not set by jitbot: nothing to take back")
                return
            gone, became = places.lacks(connection, told.place), places.read(connection, told.place)
            before = _before(told, note if receipt is None else receipt.data)
            if not gone:
                places.write(connection, told.place, before)
            if told.place.whole_server:
                connection.execute("SELECT pg_reload_conf()")
            dropped = mark.erase(connection, told.mark)
        if gone:
            run.log(f"The {gone} was dropped in the meantime, and {told.parameter} with it")
            return
        if not _same(told, became):
            run.log(f"{told.parameter} of {told.place} had become {_words(became)} in the meantime, not by jitbot")
        run.log(f"{told.parameter} of {told.place} is {_words(before)} again")
        if not dropped:
            run.log(f"The role {told.mark} stays: something was granted to it")


def _set(connection: Connection, told: ParameterInputs, key: str) -> str | None:
    before, _ = _remember(connection, told, key)
    places.write(connection, told.place, told.value)
    return before


def _set_for_all(connection: Connection, told: ParameterInputs, key: str) -> str | None:
    """Set it for the whole server, which is no part of a transaction: what is remembered first must be erased again."""
    with connection.transaction():
        before, earlier = _remember(connection, told, key)
    try:
        places.write(connection, told.place, told.value)
    except psycopg.Error as error:
        if connection.broken or earlier:
            raise
        with connection.transaction():
            mark.erase(connection, told.mark)
        raise RunnerRefused(f"{told.address} refused, and nothing was changed: {said(error)}") from error
    connection.execute("SELECT pg_reload_conf()")
    return before


def _demand(connection: Connection, told: ParameterInputs) -> Row:
    """Return what the server says of a parameter. Raises: RunnerRefused where it cannot be set like this."""
    facts = _facts(connection, told)
    if facts is None:
        raise RunnerRefused(f"{told.address} has no parameter {told.parameter}.")
    context = facts["context"]
    if context == "internal":
        raise RunnerRefused(f"{told.parameter} cannot be set at all: it tells how the server was built or made.")
    if not told.place.whole_server and context not in _BY_SESSION:
        raise RunnerRefused(f"{told.parameter} is one for the whole server: leave out login and in_database.")
    if context == "postmaster" and not told.restart:
        raise RunnerRefused(f"{told.parameter} counts only after a restart: say `restart: true` if that is meant.")
    if facts["enumvals"] and told.value.lower() not in facts["enumvals"]:
        raise RunnerRefused(f"{told.parameter} must be one of {', '.join(facts['enumvals'])}.")
    lacking = places.lacks(connection, told.place)
    if lacking:
        raise RunnerRefused(f"There is no {lacking} on {told.address}.")
    roles.demand_grantor(connection, [])
    if told.place.whole_server:
        roles.demand_setter(connection, told.parameter)
    return facts


def _facts(connection: Connection, told: ParameterInputs) -> Row | None:
    return connection.execute(_FACTS, [told.parameter]).fetchone()


def _remember(connection: Connection, told: ParameterInputs, key: str) -> tuple[str | None, bool]:
    """Return what was set before, and whether that had been remembered earlier; remember it if not."""
    note = mark.read(connection, told.mark)
    if note is not None:
        return _before(told, note), True
    before = places.read(connection, told.place)
    about = {"jitbot": key, "parameter": told.parameter, "of": str(told.place), "before": before}
    mark.write(connection, told.mark, about)
    return before, False


def _before(told: ParameterInputs, note: Mapping[str, Any]) -> str | None:
    before = note.get("before", 0)
    if before is not None and not isinstance(before, str):
        raise RunnerUnsure(
            f"What {told.parameter} was before is not known, since somebody wrote over the comment of the role "
            f"{told.mark}: put it right by hand, then drop that role."
        )
    return before


def _same(told: ParameterInputs, now: str | None) -> bool:
    if now is None or told.parameter.lower() not in places.LISTS:
        return now == told.value
    return places.split(now) == places.split(told.value)


def _words(value: str | None) -> str:
    return "not set" if value is None else f"'{visible(value)}'"


def _counting(told: ParameterInputs, facts: Row) -> Sequence[str]:
    """Tell when it counts, line by line."""
    if not told.place.whole_server:
        lines = ["  counts for sessions that begin from now on; those keep it until they end"]
    elif facts["context"] == "postmaster":
        lines = ["  counts only once somebody has restarted the server, and so does taking it back"]
    else:
        new = " for new sessions" if "backend" in facts["context"] else ""
        lines = [f"  counts at once{new}: the server reads its settings again"]
    lines += ["  an earlier change of it waits for a restart already"] if facts["pending_restart"] else []
    return lines
