"""What may be fetched and where products may go, as the settings have it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec

from quire.errors import InputError
from quire.ports.transfer import Delivery, Transfer
from quire.transfer.command import CommandDelivery
from quire.transfer.http import HttpTransfer
from quire.transfer.local import FolderDelivery, LocalTransfer
from quire.transfer.rsync import Rsync, RsyncDelivery, RsyncTransfer
from quire.transfer.s3 import S3Delivery, S3Transfer
from quire.transfer.signing import Credentials


class RsyncSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """The hosts that may be reached by rsync, and how; see `quire.transfer.rsync`."""

    hosts: tuple[str, ...] = ()
    program: str = "rsync"
    arguments: tuple[str, ...] = ()
    shell: str = "ssh -o BatchMode=yes -o ConnectTimeout=10"
    timeout: int = 60


class S3Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An object store.

    Attributes
    ----------
    fetch, deliver
        ``s3://bucket/prefix`` below which sources are read, products written.
    access_key, secret_key
        Names of the environment variables that hold them.
    """

    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = "AWS_ACCESS_KEY_ID"
    secret_key: str = "AWS_SECRET_ACCESS_KEY"  # noqa: S105 - the name of a variable
    fetch: tuple[str, ...] = ()
    deliver: tuple[str, ...] = ()


class TransferSettings(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What may be fetched, and where products may go.

    Attributes
    ----------
    http
        Addresses below which sources are fetched.
    folders
        Folders below which receivers may lie; anywhere if there is none.
    commands
        Receivers that are programs, by name.
    per_host
        Transfers at a time with each host, over all acquisitions; 0 is no limit.
    """

    rsync: RsyncSettings = RsyncSettings()
    s3: S3Settings = S3Settings()
    http: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    commands: dict[str, tuple[str, ...]] = {}
    per_host: Annotated[int, msgspec.Meta(ge=0)] = 2


class Transfers(msgspec.Struct, frozen=True, kw_only=True):
    """What a merge fetches and delivers with.

    Attributes
    ----------
    folders
        Folders of this machine below which receivers lie; anywhere if there is none.
    per_host
        See `TransferSettings`.
    """

    fetching: tuple[Transfer, ...]
    delivering: tuple[Delivery, ...]
    folders: tuple[Path, ...] = ()
    per_host: int


def transfers(
    raw: Mapping[str, Any],
    environment: Mapping[str, str] = os.environ,
    *,
    roots: Sequence[Path] = (),
    published: Path | None = None,
) -> Transfers:
    """Return the transfers of a server.

    Parameters
    ----------
    roots
        Folders below which local sources lie; anywhere if there is none.
    published
        The folder in which products get their names.

    Raises
    ------
    InputError
        The settings cannot be used.
    """
    try:
        settings = msgspec.convert(
            raw, TransferSettings, dec_hook=lambda model, value: model(value)
        )
    except msgspec.ValidationError as error:
        raise InputError("transfers", str(error)) from None
    fetching: list[Transfer] = [LocalTransfer(roots)]
    delivering: list[Delivery] = [
        FolderDelivery(settings.folders, published=published),
        CommandDelivery(settings.commands),
    ]
    one = settings.rsync
    if one.hosts:
        rsync = Rsync(
            one.hosts,
            program=one.program,
            arguments=one.arguments,
            shell=one.shell,
            timeout=one.timeout,
        )
        fetching.append(RsyncTransfer(rsync))
        delivering.append(RsyncDelivery(rsync))
    if settings.http:
        fetching.append(HttpTransfer(settings.http))
    if settings.s3.endpoint:
        credentials = credentials_of(settings.s3, environment)
        fetching.append(S3Transfer(settings.s3.fetch, credentials))
        delivering.append(S3Delivery(settings.s3.deliver, credentials))
    return Transfers(
        fetching=tuple(fetching),
        delivering=tuple(delivering),
        folders=settings.folders,
        per_host=settings.per_host,
    )


def credentials_of(settings: S3Settings, environment: Mapping[str, str]) -> Credentials:
    """Return what an object store is asked with.

    Raises
    ------
    InputError
        The environment does not hold it.
    """
    for name in (settings.access_key, settings.secret_key):
        if not environment.get(name):
            mend = "set it, or take [transfers.s3] out of the settings"
            raise InputError("transfers.s3", f"{name} is not set", mend)
    return Credentials(
        endpoint=settings.endpoint,
        region=settings.region,
        access_key=environment[settings.access_key],
        secret_key=environment[settings.secret_key],
    )
