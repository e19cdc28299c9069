"""What a Slurm of one node on loopback is told (slurm.conf(5), cgroup.conf(5))."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import msgspec

CGROUPS = Path("/sys/fs/cgroup")
# cgroup v1 has a folder for each controller; this one is what jobs are killed by.
FREEZER = CGROUPS / "freezer"


class Tracking(StrEnum):
    """How Slurm knows which processes belong to a job (``ProctrackType``)."""

    CGROUP = "cgroup"
    LINUXPROC = "linuxproc"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where such a Slurm lives.

    Attributes
    ----------
    node
        Its node's name, unique on the machine: it names a cgroup.
    hostname
        Of the machine, short.
    user
        Whom the daemons run as.
    cores
        How many the node claims to have.
    accounting_port
        Of slurmdbd, 0 for no accounting.
    """

    folder: Path
    node: str
    hostname: str
    user: str
    controller_port: int
    node_port: int
    tracking: Tracking
    cores: int = 8
    accounting_port: int = 0

    @property
    def file(self) -> Path:
        """The configuration file."""
        return self.folder / "slurm.conf"


def _accounting(port: int, folder: Path) -> list[str]:
    if not port:
        return ["AccountingStorageType=accounting_storage/none"]
    return [
        "AccountingStorageType=accounting_storage/slurmdbd",
        "AccountingStorageHost=127.0.0.1",
        f"AccountingStoragePort={port}",
        # For clients of slurmdbd this is the socket, and AuthInfo does not count.
        f"AccountingStoragePass={folder}/munge.socket",
        # The controller forgets a job so many seconds after its end.
        "MinJobAge=2",
    ]


def configuration(place: Place) -> Mapping[str, str]:
    """Return the text of each file of the configuration, by its name."""
    folder = place.folder
    node = f"NodeAddr=127.0.0.1 CPUs={place.cores} RealMemory=8000 Feature=fast"
    lines = [
        "ClusterName=quire",
        f"SlurmctldHost={place.hostname}(127.0.0.1)",
        f"SlurmUser={place.user}",
        f"SlurmdUser={place.user}",
        "AuthType=auth/munge",
        f"AuthInfo=socket={folder}/munge.socket",
        "CredType=cred/munge",
        f"SlurmctldPort={place.controller_port}",
        f"SlurmdPort={place.node_port}",
        f"SlurmctldPidFile={folder}/slurmctld.pid",
        f"SlurmdPidFile={folder}/slurmd.pid",
        f"StateSaveLocation={folder}/state",
        f"SlurmdSpoolDir={folder}/spool",
        f"ProctrackType=proctrack/{place.tracking}",
        "TaskPlugin=task/none",
        "JobAcctGatherType=jobacct_gather/none",
        *_accounting(place.accounting_port, folder),
        # Else a job may wait half a minute for the second scheduler.
        "SchedulerParameters=bf_interval=1,sched_interval=2",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_CPU_Memory",
        # The node may claim more cores than the machine has.
        "SlurmdParameters=config_overrides",
        "DefMemPerCPU=100",
        "ReturnToService=2",
        "SwitchType=switch/none",
        "MpiDefault=none",
        f"NodeName={place.node} NodeHostname={place.hostname} {node}",
        f"PartitionName=main Nodes={place.node} Default=YES MaxTime=INFINITE State=UP",
        f"PartitionName=other Nodes={place.node} MaxTime=10 State=UP",
    ]
    return {"slurm.conf": "\n".join(lines) + "\n", "cgroup.conf": _cgroup()}


def _cgroup() -> str:
    version = "v1" if FREEZER.exists() else "v2"
    lines = (f"CgroupMountpoint={CGROUPS}", "CgroupAutomount=no")
    return "\n".join((*lines, f"CgroupPlugin=cgroup/{version}")) + "\n"
