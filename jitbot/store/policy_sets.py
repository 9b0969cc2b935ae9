"""Every policy set that was ever in force, by its digest, so that an old decision can be looked up again."""

from collections.abc import Mapping

from sqlalchemy import select

from jitbot.store import tables
from jitbot.store.engine import Database
from jitbot.store.statements import upsert


class PolicySets:
    """Implements `ports.PolicySets`: keeps the text of good sets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, digest: str, files: Mapping[str, str]) -> None:
        """Store a set, once. Raises: StoreUnavailable."""
        with self._database.write() as connection:
            new = upsert(connection.dialect.name, tables.policy_sets).values(
                digest=digest, files=files, loaded_at=self._database.now(connection)
            )
            connection.execute(new.on_conflict_do_nothing(index_elements=["digest"]))

    def files(self, digest: str) -> Mapping[str, str] | None:
        """Return the text of a set; None where there is no such set. Raises: StoreUnavailable."""
        query = select(tables.policy_sets.c.files).where(tables.policy_sets.c.digest == digest)
        with self._database.read() as connection:
            found: Mapping[str, str] | None = connection.execute(query).scalar_one_or_none()
        return found
