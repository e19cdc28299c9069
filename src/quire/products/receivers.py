"""The receivers of a data product specification: whom a product is handed on to.

ESO documents `olasReceiver` alone (ifw-daq, appendix/schema/receivers.html); the others
are ours. docs/how-to/receivers.md has them all.
"""

import msgspec


class OlasReceiver(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    tag="olasReceiver",
    tag_field="type",
    rename="camel",
):
    """A folder that OLAS watches: a hard link, else a symbolic link, else a copy.

    Attributes
    ----------
    path
        Absolute folder, which exists.
    host
        Empty for this machine.
    """

    path: str
    host: str = ""
    options: dict[str, bool] = {}

    @property
    def allow_symlink(self) -> bool:
        """Whether a symbolic link will do where a hard link is impossible."""
        return self.options.get(
            "allowSymlink", not self.options.get("noSymlink", False)
        )


class FolderReceiver(
    msgspec.Struct, frozen=True, kw_only=True, tag="folderReceiver", tag_field="type"
):
    """A folder that gets a copy of its own, which may share blocks with the product.

    Attributes
    ----------
    path
        Absolute folder, which exists.
    """

    path: str


class RsyncReceiver(
    msgspec.Struct, frozen=True, kw_only=True, tag="rsyncReceiver", tag_field="type"
):
    """A folder on another machine, by rsync over ssh."""

    host: str
    path: str


class S3Receiver(
    msgspec.Struct, frozen=True, kw_only=True, tag="s3Receiver", tag_field="type"
):
    """A place in an object store.

    Attributes
    ----------
    location
        ``s3://bucket/prefix``; the product's name follows it.
    """

    location: str


class CommandReceiver(
    msgspec.Struct, frozen=True, kw_only=True, tag="commandReceiver", tag_field="type"
):
    """A program that the server's settings name, run once a product."""

    command: str


Receiver = OlasReceiver | FolderReceiver | RsyncReceiver | S3Receiver | CommandReceiver


def receiver_key(receiver: Receiver) -> str:
    """Return what tells a receiver from others, for its mark and its alert."""
    match receiver:
        case OlasReceiver():
            return f"olas:{receiver.host}:{receiver.path}"
        case FolderReceiver():
            return f"folder:{receiver.path}"
        case RsyncReceiver():
            return f"rsync:{receiver.host}:{receiver.path}"
        case S3Receiver():
            return receiver.location
        case CommandReceiver():
            return f"command:{receiver.command}"
