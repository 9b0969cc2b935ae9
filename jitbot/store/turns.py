"""Whose turn it is to do what one process at a time does: a row a turn, with its end.

During a rolling upgrade the newest code has it, since older code leaves alone what it does not understand (decisions
0030 and 0032). Who waits says in the row which schema it knows; a holder of an older one leaves at its next look, and
the turn is then kept for the newer one as long as a turn lasts.
"""

from datetime import timedelta

from sqlalchemy import delete, or_, select, update

from jitbot.store import tables
from jitbot.store.engine import Database
from jitbot.store.statements import upsert

turns = tables.turns


class StoreTurns:
    """Implements `ports.Turns`."""

    def __init__(self, database: Database, schema: str = tables.SCHEMA) -> None:
        """`schema` is the one that this process's code knows."""
        self._database = database
        self._schema = schema

    def take(self, name: str, owner: str, length: timedelta) -> bool:
        """Take a turn that is free or over, or keep one's own where no newer code waits. Raises: StoreUnavailable."""
        if self._waits(name, owner):  # nothing is written by those who only wait
            return False
        with self._database.write() as connection:
            now = self._database.now(connection)
            fresh = upsert(connection.dialect.name, turns).values(name=name, owner=owner, until=now + length, wanted="")
            kept = now - length  # for newer code that waits
            ours = fresh.on_conflict_do_update(
                index_elements=["name"],
                set_={"owner": fresh.excluded.owner, "until": fresh.excluded.until, "wanted": ""},
                where=or_(
                    turns.c.until <= kept,
                    (turns.c.wanted <= self._schema) & or_(turns.c.owner == owner, turns.c.until <= now),
                ),
            ).returning(turns.c.owner)
            if connection.execute(ours).first() is not None:
                return True
            this = update(turns).where(turns.c.name == name)
            connection.execute(this.where(turns.c.wanted < self._schema).values(wanted=self._schema))
            connection.execute(this.where(turns.c.owner == owner, turns.c.until > now).values(until=now))
            return False

    def leave(self, name: str, owner: str) -> None:
        """Give one's own turn up before its end. Raises: StoreUnavailable."""
        with self._database.write() as connection:
            connection.execute(delete(turns).where(turns.c.name == name, turns.c.owner == owner))

    def _waits(self, name: str, owner: str) -> bool:
        with self._database.read() as connection:
            now = self._database.now(connection)
            theirs = (turns.c.name == name) & (turns.c.owner != owner) & (turns.c.until > now)
            waits = theirs & (turns.c.wanted >= self._schema)
            return connection.execute(select(turns.c.name).where(waits)).first() is not None
