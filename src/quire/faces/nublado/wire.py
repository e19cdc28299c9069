"""Nublado's models of a lab (``reference/labs.md`` section 3)."""

from typing import Any

import msgspec

from quire.labs.lab import Lab, LabStatus, Resources
from quire.labs.settings import requested


class LabSpecification(msgspec.Struct, frozen=True, kw_only=True):
    """A lab that is to be made; for the description alone."""

    options: dict[str, Any]
    env: dict[str, str]


class GroupModel(msgspec.Struct, frozen=True, kw_only=True):
    """A group of a user."""

    name: str
    id: int


class UserModel(msgspec.Struct, frozen=True, kw_only=True):
    """Whose lab it is."""

    username: str
    name: str | None = None
    uid: int
    gid: int
    groups: tuple[GroupModel, ...] = ()


class OptionsModel(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen for it."""

    image: str
    size: str
    enable_debug: bool = False
    reset_user_env: bool = False


class ResourcesModel(msgspec.Struct, frozen=True, kw_only=True):
    """What it may use, and what is reserved for it."""

    limits: Resources
    requests: Resources


class LabState(msgspec.Struct, frozen=True, kw_only=True):
    """How a lab stands."""

    user: UserModel
    options: OptionsModel
    status: LabStatus
    internal_url: str | None = None
    resources: ResourcesModel
    quota: Resources | None = None


def shown(lab: Lab, quota: Resources | None) -> LabState:
    """Return a lab as the controller shows it."""
    account = lab.account
    return LabState(
        user=UserModel(
            username=lab.user,
            uid=account.uid,
            gid=account.gid,
            groups=tuple(
                GroupModel(name=one.name, id=one.id) for one in account.groups
            ),
        ),
        options=OptionsModel(
            image=lab.options.image,
            size=lab.options.size,
            enable_debug=lab.options.enable_debug,
            reset_user_env=lab.options.reset_user_env,
        ),
        status=lab.status,
        internal_url=lab.url or None,
        resources=ResourcesModel(limits=lab.limits, requests=requested(lab.limits)),
        quota=quota,
    )


class ImageModel(msgspec.Struct, frozen=True, kw_only=True):
    """What labs may be made of."""

    reference: str
    tag: str
    name: str
    digest: str | None = None
    aliases: tuple[str, ...] = ()
    prepulled: bool = True


class SpawnerImages(msgspec.Struct, frozen=True, kw_only=True):
    """The images that there are."""

    recommended: ImageModel | None = None
    latest_weekly: ImageModel | None = None
    latest_daily: ImageModel | None = None
    latest_release: ImageModel | None = None
    all: tuple[ImageModel, ...] = ()


class PrepulledImages(msgspec.Struct, frozen=True, kw_only=True):
    """Images by whether they lie on all nodes."""

    prepulled: tuple[ImageModel, ...] = ()
    pending: tuple[ImageModel, ...] = ()


class PrepullerStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is copied to nodes beforehand: nothing, for there is nothing to copy."""

    config: dict[str, Any] = {}
    images: PrepulledImages = PrepulledImages()
    nodes: tuple[str, ...] = ()


def images(reference: str) -> SpawnerImages:
    """Return the one image that there is, under every class by which one may ask."""
    classes = ("recommended", "latest_weekly", "latest_daily", "latest_release")
    repository, _, tag = reference.rpartition(":")
    name = f"{repository.rpartition('/')[2]} {tag}"
    image = ImageModel(reference=reference, tag=tag, name=name, aliases=classes)
    return SpawnerImages(**dict.fromkeys(classes, image), all=(image,))


def discovery(base: str) -> dict[str, Any]:
    """Return where the controller is, as Rubin's Repertoire would."""
    return {"services": {"internal": {"nublado-controller": {"url": base}}}}
