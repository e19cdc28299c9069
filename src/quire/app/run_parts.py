"""Documents in, and all that is asked and said of runs."""

from quire.actions.annotate import Annotate
from quire.actions.arrays import Arrays
from quire.actions.close import CloseRun
from quire.actions.columns import ColumnViews
from quire.actions.external import ExternalData
from quire.actions.index_runs import RunIndexer
from quire.actions.indexes import Indexes
from quire.actions.ingest import Ingest
from quire.actions.lookup import Lookup
from quire.actions.replay import Replay
from quire.actions.run_lists import RunLists
from quire.actions.saved_queries import SavedQueries
from quire.actions.search import Search
from quire.app.ground import Ground
from quire.assets.registry import AssetFiles
from quire.config import Settings
from quire.documents.validation import Validator
from quire.runs.facility import NumberRule, by_keys
from quire.runs.query.declaring import declared_fields
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.searchable import VERSION as SEARCHED_BY
from quire.runs.searchable import describe
from quire.storage.parquet.files import ParquetFiles


def number_rule(settings: Settings) -> NumberRule:
    """Return how runs get their numbers."""
    return by_keys(settings.numbers.experiment, settings.numbers.run)


def described_by(settings: Settings) -> str:
    """Return a name for what runs are described by."""
    return f"{SEARCHED_BY} {settings.numbers}"


class RunParts:
    """The actions on documents and runs."""

    def __init__(self, on: Ground) -> None:
        settings, store, clock = on.settings, on.store, on.clock
        assets = AssetFiles(settings.asset_roots, settings.asset_root_map)
        fields = FieldRegistry().declare(declared_fields(settings.fields))
        parser = QueryParser(fields)
        self.rule = number_rule(settings)
        self.ingest = Ingest(store, Validator(), clock, lease=settings.run_lease)
        self.lookup, self.replay = Lookup(store), Replay(store)
        self.search = Search(store, parser, describe(self.rule), clock)
        self.indexer = RunIndexer(store, on.doorbell, version=described_by(settings))
        self.indexes = Indexes(store, fields)
        self.queries = SavedQueries(store, parser, clock)
        self.annotate = Annotate(store, self.search, fields, clock, on.ids)
        self.lists = RunLists(store, self.search, clock)
        self.close = CloseRun(store, clock)
        self.columns = ColumnViews(
            store,
            ParquetFiles(on.folder),
            ExternalData(store, assets, only="" if settings.asset_roots else on.user),
        )
        self.arrays = Arrays(self.columns)
