"""Every policy set that was ever in force, by its digest, so that an old decision can be looked up again."""

from collections.abc import Mapping

from jitbot.store import tables
from jitbot.store.engine import Database
from jitbot.store.statements import upsert


class PolicySets:
    """Keeps the text of good sets."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, digest: str, files: Mapping[str, str]) -> None:
        """Store a set, once. Raises: StoreUnavailable."""
        with self._database.write() as connection:
            new = upsert(connection.dialect, tables.policy_sets).values(
                digest=digest, files=files, loaded_at=self._database.now(connection)
            )
            connection.execute(new.on_conflict_do_nothing(index_elements=["digest"]))
