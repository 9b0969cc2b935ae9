"""Whose turn it is to do what one process at a time does: a row a turn, with its end."""

from datetime import timedelta

from sqlalchemy import delete, or_, select

from jitbot.store import tables
from jitbot.store.engine import Database
from jitbot.store.statements import upsert

turns = tables.turns


class StoreTurns:
    """Implements `ports.Turns`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def take(self, name: str, owner: str, length: timedelta) -> bool:
        """Take a turn that is free or over, or keep one's own. Raises: StoreUnavailable."""
        if self._taken(name, owner):  # nothing is written by those who only wait
            return False
        with self._database.write() as connection:
            now = self._database.now(connection)
            fresh = upsert(connection.dialect, turns).values(name=name, owner=owner, until=now + length)
            ours = fresh.on_conflict_do_update(
                index_elements=["name"],
                set_={"owner": fresh.excluded.owner, "until": fresh.excluded.until},
                where=or_(turns.c.owner == fresh.excluded.owner, turns.c.until <= now),
            ).returning(turns.c.owner)
            return connection.execute(ours).first() is not None

    def leave(self, name: str, owner: str) -> None:
        """Give one's own turn up before its end. Raises: StoreUnavailable."""
        with self._database.write() as connection:
            connection.execute(delete(turns).where(turns.c.name == name, turns.c.owner == owner))

    def _taken(self, name: str, owner: str) -> bool:
        with self._database.read() as connection:
            now = self._database.now(connection)
            theirs = (turns.c.name == name) & (turns.c.owner != owner) & (turns.c.until > now)
            return connection.execute(select(turns.c.name).where(theirs)).first() is not None
