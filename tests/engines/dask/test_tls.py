"""A Dask that speaks to nobody without a certificate of its authority."""

import datetime as dt
import gc
import ipaddress
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from quire.engines.dask.launcher import DaskLauncher, make
from quire.engines.distributed import DistributedEngine
from quire.errors import InputError
from quire.jobs.phases import Phase
from quire.ports.launcher import LauncherAway
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.attempt_server import AttemptServer
from quire.testing.dask.cluster import DaskCluster
from quire.testing.engine_bench import Bench

KINDS = "quire.testing.hostile_kinds:hostile"
Files = tuple[Path, Path, Path]


@pytest.fixture(autouse=True)
def sockets_collected() -> Iterator[None]:
    """Dask leaves the socket of a handshake that failed to the collector."""
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def authority(folder: Path) -> Files:
    """Make an authority for a day, and a certificate of it for loopback."""
    folder.mkdir()
    root_key, own_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    root = named("A test's authority")
    loopback = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    )
    certificates = (
        signed(root, root_key.public_key(), root, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(root_key, hashes.SHA256()),
        signed(named("Loopback"), own_key.public_key(), root, root_key)
        .add_extension(loopback, critical=False)
        .sign(root_key, hashes.SHA256()),
    )
    pem = serialization.Encoding.PEM
    files = (folder / "ca.pem", folder / "own.pem", folder / "own.key")
    for file, certificate in zip(files, certificates, strict=False):
        file.write_bytes(certificate.public_bytes(pem))
    secret = own_key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files[2].write_bytes(secret)
    return files


def named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def signed(
    subject: x509.Name,
    key: ec.EllipticCurvePublicKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    public = x509.SubjectKeyIdentifier.from_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(public),
            critical=False,
        )
    )


def settings(address: str, files: Files, **others: object) -> dict[str, object]:
    names = ("tls_ca_file", "tls_cert", "tls_key")
    paths = dict(zip(names, map(str, files), strict=True))
    return {"address": address, **paths, **others}


def launcher(table: dict[str, object]) -> DaskLauncher:
    return make(table, kinds=KINDS, tables="")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return authority(tmp_path_factory.mktemp("tls") / "ours")


@pytest.fixture(scope="module")
def secured(
    tmp_path_factory: pytest.TempPathFactory, files: Files
) -> Iterator[DaskCluster]:
    folder = tmp_path_factory.mktemp("dask")
    with DaskCluster(folder, workers=1, tls=files) as cluster:
        yield cluster


async def test_a_job_runs_there(
    secured: DaskCluster, files: Files, tmp_path: Path
) -> None:
    doorbell = LocalDoorbell()
    bench = Bench(MemoryStore(doorbell=doorbell), doorbell, tmp_path)
    server = AttemptServer(bench)
    async with server.served():
        engine = DistributedEngine(
            server.runners,
            launcher(settings(secured.address, files)),
            doorbell,
            server.order,
            slots=1,
            poll=0.2,
        )
        await engine.start()
        job = await bench.submit("behave")
        await bench.launch(engine, job)
        await bench.until_phase(job, Phase.COMPLETED)
        await bench.until_free(engine)
        await engine.stop()


async def test_a_foreign_certificate_does_not_connect(
    secured: DaskCluster, tmp_path: Path
) -> None:
    foreign = authority(tmp_path / "theirs")
    one = launcher(settings(secured.address, foreign, patience=1.0))
    with pytest.raises(LauncherAway):
        await one.poll([])
    await one.stop()


async def test_a_scheduler_in_the_clear_is_not_spoken_to(
    cluster: DaskCluster, files: Files
) -> None:
    address = cluster.address.replace("tcp://", "tls://")
    one = launcher(settings(address, files, patience=1.0))
    with pytest.raises(LauncherAway):
        await one.poll([])
    await one.stop()


async def test_nor_is_one_behind_tls_without_it(secured: DaskCluster) -> None:
    address = secured.address.replace("tls://", "tcp://")
    one = launcher({"address": address, "patience": 1.0})
    with pytest.raises(LauncherAway):
        await one.poll([])
    await one.stop()


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"address": "tcp://127.0.0.1:8786"}, "address"),
        ({"tls_ca_file": ""}, "tls_ca_file"),
        ({"tls_cert": ""}, "tls_cert"),
        ({"tls_key": "/nowhere/key"}, "tls_key"),
        ({"tls_ca_file": "", "tls_cert": "", "tls_key": ""}, "tls_ca_file"),
    ],
)
def test_settings_that_cannot_work_are_named(
    changed: dict[str, object], field: str, files: Files
) -> None:
    table = {**settings("tls://127.0.0.1:8786", files), **changed}
    with pytest.raises(InputError) as caught:
        launcher(table)
    assert caught.value.field == field
