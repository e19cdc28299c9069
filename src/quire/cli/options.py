"""Options that several commands share."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Timeout = Annotated[
    float | None, typer.Option(help="Seconds to wait; exit code 124 then.", min=0.0)
]
Plain = Annotated[
    bool | None,
    typer.Option("--plain/--bars", help="Lines or bars; found out by default."),
]
Limit = Annotated[int, typer.Option(help="How many, newest first.", min=1, max=1000)]
