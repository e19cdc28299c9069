"""What every store must do; subclass it and give the fixtures.

Split by port: `StoreContract` joins the parts below it.
"""

from quire.testing.contracts.acquisitions import AcquisitionsContract
from quire.testing.contracts.documents import DocumentsContract
from quire.testing.contracts.jobs import JobsContract
from quire.testing.contracts.numbers import NumbersContract
from quire.testing.contracts.quality import QualityContract
from quire.testing.contracts.records import RecordsContract
from quire.testing.contracts.runs import RunsContract
from quire.testing.contracts.transactions import TransactionsContract


class StoreContract(
    TransactionsContract,
    DocumentsContract,
    RunsContract,
    JobsContract,
    AcquisitionsContract,
    NumbersContract,
    RecordsContract,
    QualityContract,
):
    """The guarantees of `quire.ports.store` and of the ten ports of records."""
