"""What all runners for GitHub are told: where it is, and as whom it knows us."""

from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, model_validator

from jitbot.outbound.addresses import Url, has_dots
from jitbot.outbound.values import STRICT, Secret

PUBLIC = "https://api.github.com"


def _no_dots(text: str) -> str:
    if has_dots(text):
        raise ValueError("cannot be `.` or `..`")
    return text


def _branch_or_tag(ref: str) -> str:
    if ".." in ref or "//" in ref or "@{" in ref or ref.endswith((".", "/", ".lock")):
        raise ValueError("is no name of a branch or tag (git-check-ref-format)")
    return ref


Login = Annotated[str, Field(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,98})$")]
"""A user, an organisation; those of companies (managed users) have an underscore."""
Slug = Annotated[str, Field(pattern=r"^[a-z0-9_](?:[a-z0-9_.-]{0,254})$"), AfterValidator(_no_dots)]
"""A team as its address has it."""
Repository = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,98}/[A-Za-z0-9._-]{1,100}$"), AfterValidator(_no_dots)
]
Ref = Annotated[
    str,
    Field(pattern=r"^[^\x00-\x20\x7f~^:?*\[\\/.-][^\x00-\x20\x7f~^:?*\[\\]{0,199}$"),
    AfterValidator(_branch_or_tag),
]
Number = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,18}$")]


class Forge(BaseModel):
    """Where GitHub is, and as whom: by a token, or as an app."""

    model_config = STRICT

    url: Url = PUBLIC
    """Of Enterprise Server: `https://HOST/api/v3`."""
    token: Secret | None = None
    app_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9.]{1,60}$")] | None = None
    """The app's id, or its client id."""
    installation_id: Number | None = None
    private_key: Secret | None = None
    """The app's key, in PEM."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        app = (self.app_id, self.installation_id, self.private_key)
        if (self.token is None) == (app == (None, None, None)) or (self.token is None and None in app):
            raise ValueError("say as whom: either token, or app_id with installation_id and private_key")
        return self

    @property
    def base(self) -> str:
        return self.url.rstrip("/")

    @property
    def place(self) -> str:
        """Name this GitHub in targets."""
        return "github" if self.base == PUBLIC else f"github:{self.base.partition('://')[2].lower()}"


class OfRepository(Forge):
    """One repository there."""

    repository: Repository

    @property
    def steps(self) -> tuple[str, str, str]:
        """Return how addresses below this repository begin."""
        owner, _, name = self.repository.partition("/")
        return "repos", owner, name
