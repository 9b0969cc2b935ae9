"""Empties a node by the eviction API, which heeds disruption budgets: a pod that may not go yet is asked again."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Protocol

from jitbot.errors import RunnerRefused, RunnerUnsure
from jitbot.ports import Run
from jitbot.runners.kubernetes.api import Api, is_missing
from jitbot.runners.kubernetes.kinds import BUDGETS, EVICTIONS, POD, POLICY_VERSIONS, Document
from jitbot.runners.kubernetes.pace import Pace
from jitbot.runners.kubernetes.pods import Pods, covers, is_leaving, is_spent, named, sorted_out
from jitbot.runners.kubernetes.wire import Declined, NoWord
from jitbot.runners.kubernetes.workload import counted

_NAMED = 20
"""So many pods are named in a plan or an error; the rest are counted."""
_TOO_SOON = 429


class Losses(Protocol):
    """Which pods may be evicted though something is lost with them."""

    node: str
    evict_bare: bool
    evict_local: bool


class Drain:
    """The pods of one node."""

    def __init__(self, told: Losses, api: Api) -> None:
        self._told = told
        self._api = api
        self._pace = Pace(api)
        self._held: dict[str, str] = {}
        """By its uid, what was said of a pod that may not go yet."""
        self._evicted: set[str] = set()

    def pods(self) -> Pods:
        return sorted_out(self._api.list(POD, fields={"spec.nodeName": self._told.node}))

    def held_up(self, pods: Sequence[Document]) -> Mapping[str, Sequence[str]]:
        """Return, by budget that is spent, the pods that it keeps where they are."""
        spent = [each for each in self._api.list(BUDGETS[self._version]) if is_spent(each)]
        empty = self._version == POLICY_VERSIONS[0]
        covered = {named(each): [named(pod) for pod in pods if covers(each, pod, empty=empty)] for each in spent}
        return {name: pods for name, pods in covered.items() if pods}

    def rehearse(self, pods: Sequence[Document]) -> None:
        """See that jitbot may evict at all. Raises: NoWord, RunnerRefused."""
        for pod in pods[:1]:
            try:
                self._evict(self._version, pod, rehearse=True)
            except Declined as error:
                if error.status == 403:
                    raise RunnerRefused(f"Nothing was changed. {error}") from error

    def empty(self, run: Run) -> str:
        """Evict until no pod is left that goes; return what was done. Raises: RunnerUnsure."""
        node, words = self._told.node, ""
        for _ in self._pace.looks(run, f"node {node} is cordoned, and drained in part"):
            try:
                pods = self.pods()
                demand_no_loss(self._told, pods, RunnerUnsure)
                self._evict_all(pods.all_that_go)
            except NoWord as error:
                words = str(error)
                continue
            if not pods.all_that_go:
                return f"drained, {counted(len(self._evicted))} evicted"
            told = self._left(pods.all_that_go)
            if told != words:
                words = told
                run.log(f"node {node}: {words}")
        raise RunnerUnsure(f"Node {node} is cordoned, and was not drained when the time was over: {words}.")

    def _evict_all(self, pods: Sequence[Document]) -> None:
        """Ask for each pod that is not leaving, as long as there is time. Raises: NoWord, RunnerUnsure."""
        for pod in pods:
            if is_leaving(pod) or self._pace.is_over:
                continue
            uid = pod["metadata"]["uid"]
            try:
                self._evict(self._version, pod)
            except Declined as error:
                if error.status == _TOO_SOON:
                    self._held[uid] = f"{named(pod)} ({error})"
                elif not _is_gone(error, pod):
                    raise RunnerUnsure(f"Node {self._told.node} is cordoned, but not drained. {error}") from error
            else:
                self._evicted.add(uid)

    def _evict(self, version: str, pod: Document, *, rehearse: bool = False) -> None:
        """Ask for one pod to go: this one, and not another that has got its name since."""
        meta = pod["metadata"]
        options: dict[str, Any] = {"preconditions": {"uid": meta["uid"]}}
        body = {"metadata": {"name": meta["name"], "namespace": meta["namespace"]}, "deleteOptions": options}
        self._api.create(EVICTIONS[version], meta["namespace"], body, meta["name"], rehearse=rehearse)

    @cached_property
    def _version(self) -> str:
        """Return the version of the API in which this server has budgets and evictions."""
        new, old = POLICY_VERSIONS
        try:
            self._api.list(BUDGETS[new])
        except Declined as error:
            if error.status != 404:
                raise
            return old
        return new

    def _left(self, pods: Sequence[Document]) -> str:
        leaving = [pod for pod in pods if is_leaving(pod) or pod["metadata"]["uid"] in self._evicted]
        held = [
            self._held[pod["metadata"]["uid"]]
            for pod in pods
            if pod not in leaving and pod["metadata"]["uid"] in self._held
        ]
        words = f"{counted(len(pods))} left, {len(leaving)} of them leaving"
        return words + (f"; held up: {listed(held)}" if held else "")


def demand_no_loss(told: Losses, pods: Pods, refusal: type[RunnerRefused] | type[RunnerUnsure]) -> None:
    """See that nothing is lost that was not meant to be. Raises: the refusal."""
    if pods.bare and not told.evict_bare:
        names = listed([named(pod) for pod in pods.bare])
        raise refusal(f"Nobody would make these pods anew: {names}. Move them, or allow it by `evict_bare: true`.")
    if pods.local and not told.evict_local:
        names = listed([named(pod) for pod in pods.local])
        raise refusal(f"These pods would lose what they keep on the node: {names}. Allow it by `evict_local: true`.")


def listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _is_gone(error: Declined, pod: Document) -> bool:
    """Tell whether a pod went by itself: it is not there, is another one by now, or its namespace is being removed."""
    removed = error.status == 403 and "being terminated" in str(error)
    return is_missing(error, pod["metadata"]["name"]) or error.status == 409 or removed
