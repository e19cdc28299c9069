"""The fields that every Quire has: of the run record, of RunDB, of documents."""

from quire.runs.annotations import SignOff
from quire.runs.facility import GROUPS
from quire.runs.leaves import LEFT_OUT
from quire.runs.query.fields import Field, FieldType
from quire.runs.run import Status


def builtin_fields() -> tuple[Field, ...]:
    """Return them; of two families that fit a name the longer one counts."""
    return (*_of_the_run(), *_of_the_start(), *_of_the_facility(), *_families())


def _of_the_run() -> tuple[Field, ...]:
    return (
        _text("uid", "Identifies the run.", "start.uid"),
        _whole("scan_id", "Number that the engine gave it; not unique.", "start.scan_id"),
        _text("plan_name", "Name of the plan.", "start.plan_name"),
        _time("time", "When it started.", "start.time"),
        _time("stop_time", "When it stopped.", "stop.time"),
        _number("duration", "s", "From start to stop."),
        _text("status", "How it stands.", choices=tuple(each.value for each in Status)),
        _text(
            "exit_status",
            "How its plan ended.",
            "stop.exit_status",
            choices=("success", "abort", "fail"),
        ),
        _text("reason", "Why it ended so, in the plan's words.", "stop.reason"),
        _text("owner", "Who sent its first document."),
        _whole("events", "Rows of all its streams."),
        _text("streams", "Names of its streams."),
        _text("devices", "Names of the devices that it read."),
        _text("findings", "Rules that its documents break."),
        _text("products", "Names of the products made of it."),
        _text("comments", "What people remarked."),
        _text("run_lists", "Frozen lists that hold it, such as golden@2."),
        _text(LEFT_OUT, "Fields of which it has values that no search looks at."),
        _text(
            "sign_off",
            "How far the judgement of its quality has come.",
            choices=tuple(each.value for each in SignOff),
        ),
    )  # fmt: skip


def _of_the_start() -> tuple[Field, ...]:
    described = {
        "group": "Unix group of its data.",
        "project": "Project that it belongs to.",
        "data_groups": "Groups that may see it.",
        "data_session": "Session (proposal, visit) that it belongs to.",
    }
    return (
        *(
            Field(
                name=name,
                path=f"start.{name}",
                type=FieldType.STRING,
                description=about,
                aliases=(f"start.{name}",),
            )
            for name, about in described.items()
        ),
        _open("data_type", "What kind of data it is."),
        _open("sample", "The sample, where it is a plain value; else sample.name..."),
        _open("sample.name", "Name of the sample."),
        _open("beamline_id", "The beamline."),
        _open("num_points", "How many events the plan announced."),
        _open("detectors", "Detectors of the plan."),
        _open("motors", "Motors of the plan."),
        _open("purpose", "What it was taken for."),
    )


def _of_the_facility() -> tuple[Field, ...]:
    return (
        _whole("experiment", "Number of the experiment."),
        _whole("run", "Number of the run within the experiment."),
        _text("run_type", "physics, cosmic, ..."),
        Field(name="time_start", path="time_start", description="As the DAQ gave it."),
        Field(name="time_stop", path="time_stop", description="As the DAQ gave it."),
        Field(
            name="all_detectors_running",
            path="all_detectors_running",
            type=FieldType.BOOLEAN,
            description="Whether every detectors.status_* there is says RUNNING.",
        ),
        _number("statistics.lumi_recorded", "nb-1", "Luminosity on disk."),
        _number("statistics.lumi_delivered", "nb-1", "Luminosity from the machine."),
        _number("statistics.run_length", "s", "As the DAQ counted it, without pauses."),
        _number("detectors.magnet_solenoid_field", "G", "Field of the solenoid."),
        *(
            _number(f"{ring}.number_of_bunches", "", "Filled bunches.")
            for ring in ("her", "ler")
        ),
        *(
            _text(f"{ring}.fill_pattern", "Fill of the buckets, hexadecimal.")
            for ring in ("her", "ler")
        ),
    )


def _families() -> tuple[Field, ...]:
    texts = {
        "flag.*": "Quality flags of a detector, those of parts of the run too.",
        "flag_cause.*": "Why the flag of a detector is so.",
        "quality_expert.*": "Quality of a detector in the whole run.",
        "detectors.status_*": "State of a detector, RUNNING or another.",
    }
    return (
        *(_text(name, about) for name, about in texts.items()),
        *(
            Field(name=f"{group}.*", path=f"{group}.*", description=f"Of the {group}.")
            for group in GROUPS
            if f"{group}.*" not in texts
        ),
        Field(name="start.*", path="start.*", description="Any key of the start."),
        Field(name="stop.*", path="stop.*", description="Any key of the stop."),
    )


def _text(name: str, about: str, *aliases: str, choices: tuple[str, ...] = ()) -> Field:
    return Field(
        name=name,
        path=name,
        type=FieldType.STRING,
        description=about,
        choices=choices,
        aliases=aliases,
    )


def _whole(name: str, about: str, *aliases: str) -> Field:
    return Field(
        name=name,
        path=name,
        type=FieldType.INTEGER,
        description=about,
        aliases=aliases,
    )


def _number(name: str, unit: str, about: str) -> Field:
    return Field(
        name=name, path=name, type=FieldType.NUMBER, unit=unit, description=about
    )


def _time(name: str, about: str, *aliases: str) -> Field:
    return Field(
        name=name, path=name, type=FieldType.TIME, description=about, aliases=aliases
    )


def _open(name: str, about: str) -> Field:
    return Field(
        name=name, path=f"start.{name}", description=about, aliases=(f"start.{name}",)
    )
