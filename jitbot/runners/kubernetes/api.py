"""The few things that are asked of an API server: look, list, patch, create, delete."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

import lightkube
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster, Context, User
from lightkube.types import PatchType

from jitbot.ports import Site
from jitbot.runners.kubernetes import wire
from jitbot.runners.kubernetes.inputs import ClusterInputs
from jitbot.runners.kubernetes.kinds import Document, Kind
from jitbot.runners.kubernetes.wire import Declined, NoAnswer, NoWord

LOOK_SECONDS = 10.0
"""How long one exchange may take, and a plan or a check in all."""
PIECE = 250
"""So many objects of a list come at once."""
ALL = "*"
"""All namespaces."""
_LEAST_SECONDS = 0.5
"""What an exchange gets always: a change is never cut off because the time before it was."""


class Api:
    """One API server, for some seconds. Raises from all: NotSent, NoAnswer, Declined."""

    def __init__(self, told: ClusterInputs, site: Site, seconds: float = LOOK_SECONDS) -> None:
        """Raises: NotGranted, RunnerRefused where `ca` is no certificate."""
        wire.demand_allowed(told, site)
        self._until = time.monotonic() + seconds
        # The library would read all authorities of this machine for connections of its own, of which there are none:
        # every exchange is the wire's, and is verified there.
        place = Cluster(server=told.server, insecure=True)
        self._client = lightkube.Client(
            SingleConfig("jitbot", Context(cluster="jitbot"), place, User(token=wire.token(told, site))),
            trust_env=False,
            field_manager="jitbot",
            transport=wire.Wire(wire.trust(told, site), self._seconds),
        )

    @property
    def left(self) -> float:
        """Return the seconds that are left; below 0 when the time is over."""
        return self._until - time.monotonic()

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Document | None:
        """Return an object, None where there is none of that name."""
        with _understood():
            try:
                return cast(Document, self._client.get(cast(Any, kind), name, namespace=namespace))
            except Declined as error:
                if is_missing(error, name):
                    return None
                raise

    def list(
        self,
        kind: Kind,
        namespace: str | None = ALL,
        *,
        labels: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> Sequence[Document]:
        """Return the objects with those labels and fields; `namespace` is None for a kind that is in none."""
        with _understood():
            found = self._client.list(
                cast(Any, kind),
                namespace=namespace,
                chunk_size=PIECE,
                labels=cast(Any, labels),
                fields=cast(Any, fields),
            )
            return [cast(Document, each) for each in found]

    def patch(
        self, kind: Kind, name: str, namespace: str | None, body: Document, *, rehearse: bool = False
    ) -> Document:
        """Merge a document into an object; rehearsed, all is checked and nothing is changed."""
        with _understood():
            patched = self._client.patch(
                cast(Any, kind), name, dict(body), namespace=namespace, patch_type=PatchType.MERGE, dry_run=rehearse
            )
            return cast(Document, patched)

    def create(
        self, kind: Kind, namespace: str | None, body: Document, parent: str | None = None, *, rehearse: bool = False
    ) -> None:
        """Create an object; for a subresource, `parent` is what it belongs to."""
        with _understood():
            self._client.create(cast(Any, kind)(body), cast(Any, parent), namespace=namespace, dry_run=rehearse)

    def delete(self, kind: Kind, name: str, namespace: str | None) -> bool:
        """Delete an object; False where there is none of that name."""
        try:
            self._client.delete(cast(Any, kind), name, namespace=namespace)
        except Declined as error:
            if is_missing(error, name):
                return False
            raise
        return True

    def _seconds(self) -> float:
        return max(_LEAST_SECONDS, min(LOOK_SECONDS, self.left))


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except ValueError as error:  # the library's, where an answer is no JSON or not of that kind
        raise NoAnswer("The API server answers what is not understood.") from error


def is_missing(error: Declined, name: str) -> bool:
    """Tell whether the API server itself says that there is no object of that name, and not a stranger on the way."""
    return error.status == 404 and error.reason == "NotFound" and error.name == name


def is_conflict(error: NoWord) -> bool:
    """Tell whether somebody else changed the object first."""
    return isinstance(error, Declined) and error.status == 409 and error.reason == "Conflict"
