"""A change of the policies: who made it, and what it adds, removes and changes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Author:
    """Who stands behind a set of policy files, as far as that is known; all empty where it is not.

    `commit` and `subject` are the checkout's newest commit. `committed` tells that the files are exactly that commit's.
    """

    name: str = ""
    commit: str = ""
    subject: str = ""
    committed: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two policy sets, by definition: where something stands in its file does not count.

    The texts name things as people do: `action restart`, `rule “prod needs two” of restart`. `actions` are the
    names of all actions whose decisions may differ.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    actions: frozenset[str] = frozenset()
