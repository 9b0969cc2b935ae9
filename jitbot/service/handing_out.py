"""Hand out what runs have said: to whoever may see the request; results to the requester alone."""

from collections.abc import Sequence

from jitbot.errors import NotFound, Settled
from jitbot.model import Chunk, Outgoing, Output, OutputId, Request, RequestId, Topic, UserId
from jitbot.service.queries import Queries
from jitbot.service.transcript import text_of, transcript
from jitbot.service.world import World


class HandingOut:
    """The use cases of the Output button, and what is read when a message with output is sent."""

    def __init__(self, world: World, queries: Queries) -> None:
        self._world = world
        self._queries = queries

    def ask(self, user: UserId, request_id: RequestId) -> None:
        """Have what a request's runs said sent to somebody who may see it. Raises: NotFound, NotPermitted, Settled.

        Asked twice before it was sent, it is sent once.
        """
        request = self._queries.visible(user, request_id)
        if not self._kept(request, results=user == request.requester):
            raise Settled(f"Nothing is kept of what {request.name} said: it said nothing, or it ended too long ago.")
        with self._world.ledger.begin() as entry:
            entry.say(Outgoing(f"output:{request.id}:{user}", Topic.OUTPUT, request.id, to=user))
        self._world.queue.messages()

    def files(self, user: UserId, request_id: RequestId) -> dict[str, str]:
        """Return the texts for somebody whom `ask` let pass, by file name; what is empty is left out."""
        request = self._world.ledger.get(request_id)
        kept = {"output": self._kept(request, results=False)}
        if user == request.requester:
            kept["results"] = [each for each in self._kept(request, results=True) if each.results]
        return {
            f"{request.name}-{kind}.txt": transcript((each, self._chunks(each)) for each in outputs)
            for kind, outputs in kept.items()
            if outputs
        }

    def result(self, request_id: RequestId, output_id: OutputId) -> tuple[Request, str]:
        """Return what one run found, as text. Raises: NotFound, once it was deleted."""
        request = self._world.ledger.get(request_id)
        for output in self._kept(request, results=True):
            if output.results and output.id == output_id:
                return request, text_of(output, self._chunks(output))
        raise NotFound(f"The results of {request.name} are not kept any more.")

    def _kept(self, request: Request, *, results: bool) -> Sequence[Output]:
        return [each for each in self._world.outputs.of(request.id) if results or not each.results]

    def _chunks(self, output: Output) -> Sequence[Chunk]:
        return self._world.outputs.chunks(output.id)
