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
        in_force = (
            f" (in force: {visible(facts['in_force'])!r})" if now is None and facts["in_force"] is not None else ""
        )
        lines = [f"- {told.parameter} of {told.place}: {_words(now)}{in_force}"]
        lines += [f"+ {told.parameter} of {told.place}: {told.value!r}{unit}", *_counting(told, facts)]
        summary = f"Set {told.parameter} of {told.place} on {told.address} to {told.value}"
        summary += " (needs a restart)." if facts["context"] == "postmaster" else "."
        return Plan(summary, digest(told, now, facts), diff="\n".join(lines), undoable=True)

    def start(self, inputs: BaseModel, run: Run) -> Receipt:
        told = cast(ParameterInputs, inputs)
        until = time.time() + seconds_left(run)
        with changing(told, self._site, until) as connection:
            facts = _demand(connection, told)
            before, begun = _begin(connection, told, run.key)
            if not told.place.whole_server:
                places.write(connection, told.place, told.value)
        if told.place.whole_server:
            self._set_for_all(told, until, begun)
        run.log(f"{told.parameter} of {told.place} is {told.value}; it was {_words(before)}")
        if facts["context"] == "postmaster":
            run.log("the server must be restarted by hand before this counts")
        return Receipt({"before": before}, summary=f"{told.parameter} is {told.value}; it was {_words(before)}")

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
        until = time.time() + seconds_left(run)
        with looking(told, self._site, until - time.time()) as connection:
            note, now = mark.read(connection, told.mark), places.read(connection, told.place)
            gone = places.lacks(connection, told.place)
        if note is None:
            run.log(f"{told.parameter} of {told.place} is not set by jitbot: nothing to take back")
            return
        before = _before(told, receipt.data if receipt is not None else note)
        if not _same(told, now) and not gone:
            run.log(f"{told.parameter} of {told.place} was {_words(now)} in the meantime, which jitbot had not set")
        if told.place.whole_server:
            with at_once(told, self._site, until) as connection:
                places.write(connection, told.place, before)
                connection.execute("SELECT pg_reload_conf()")
        with changing(told, self._site, until) as connection:
            if not told.place.whole_server and not gone:
                places.write(connection, told.place, before)
            if not mark.erase(connection, told.mark):
                run.log(f"The role {told.mark} stays: something was granted to it or is owned by it")
        run.log(f"{told.parameter} of {told.place} is {f'gone with the {gone}' if gone else f'{_words(before)} again'}")

    def _set_for_all(self, told: ParameterInputs, until: float, begun: bool) -> None:
        """Set it for the whole server, which is no part of a transaction; a value that is refused leaves no mark."""
        refused = None
        with at_once(told, self._site, until) as connection:
            try:
                places.write(connection, told.place, told.value)
            except psycopg.Error as error:
                if connection.broken or begun:
                    raise
                refused = error
            else:
                connection.execute("SELECT pg_reload_conf()")
        if refused is not None:
            with changing(told, self._site, until) as connection:
                mark.erase(connection, told.mark)
            raise RunnerRefused(f"{told.address} refused, and nothing was changed: {said(refused)}") from refused


def _demand(connection: Connection, told: ParameterInputs) -> Row:
    """Return what the server says of a parameter. Raises: RunnerRefused where it cannot be set like this."""
    facts = _facts(connection, told)
    if facts is None:
        raise RunnerRefused(
            f"{told.address} has no parameter {told.parameter} (a library's are there once it is loaded)."
        )
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
    return facts


def _facts(connection: Connection, told: ParameterInputs) -> Row | None:
    return connection.execute(_FACTS, [told.parameter]).fetchone()


def _begin(connection: Connection, told: ParameterInputs, key: str) -> tuple[str | None, bool]:
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
    return "not set" if value is None else repr(value)


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
