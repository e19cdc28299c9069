"""What can go wrong with labs.

QuireError
 ├── Conflict
 │    ├── LabExists            the user has one already
 │    └── LabBusy              it is being started or deleted just now
 ├── InputError
 │    ├── UnknownImage         no such image here
 │    ├── BadReference         no image reference at all
 │    └── BadSize              no size that is offered here
 ├── QuotaExceeded             more than one user may have
 ├── LabsUnavailable           no lab can be started here, whoever asks
 └── LabFailed                 the place where labs run could not do it
      └── LabDeleteFailed      and the lab may still be there
"""

from quire.errors import Conflict, InputError, QuireError


class LabExists(Conflict):
    """The user has a lab that is alive."""

    code = "lab_exists"

    def __init__(self, user: str) -> None:
        super().__init__("lab", user, "exists already; delete it first")


class LabBusy(Conflict):
    """An operation on the user's lab is under way."""

    code = "operation_in_progress"

    def __init__(self, user: str, act: str) -> None:
        super().__init__("lab", user, f"a {act} is in progress; wait for its end")


class UnknownImage(InputError):
    """The image is not among those that are offered."""

    code = "unknown_image"


class BadReference(InputError):
    """The image is no Docker reference."""

    code = "invalid_docker_reference"


class BadSize(InputError):
    """The size is not among those that are offered."""

    code = "invalid_lab_size"


class QuotaExceeded(QuireError):
    """The size is beyond what a user may have."""

    code = "insufficient_quota"

    def __init__(self, size: str) -> None:
        self.size = size
        super().__init__(f"a lab of size {size} is more than the quota allows")


class LabsUnavailable(QuireError):
    """No lab can be started here."""

    code = "labs_unavailable"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class LabFailed(QuireError):
    """A lab could not be started, or did not come up."""

    code = "lab_failed"


class LabDeleteFailed(LabFailed):
    """A lab could not be deleted."""

    code = "delete_failed"

    def __init__(self, user: str, reason: str) -> None:
        self.user = user
        self.reason = reason
        super().__init__(f"the lab of {user} could not be deleted: {reason}")
