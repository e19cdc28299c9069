# ruff: noqa: T201
"""What the configured kinds of the tests run."""

import sys
import time
from pathlib import Path

TABLE = """<?xml version="1.0"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">
<RESOURCE type="results"><INFO name="QUERY_STATUS" value="OK"/>
<TABLE><FIELD name="n" datatype="int"/>
<FIELD name="query" datatype="unicodeChar" arraysize="*"/>
<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>
"""


def main() -> int:
    what, *words = sys.argv[1:]
    if what == "table":
        rows = int(words[words.index("--rows") + 1]) if "--rows" in words else 2
        row = f"<TR><TD>1</TD><TD>{len(words)}</TD></TR>"
        Path("result.vot").write_text(TABLE.format(rows=row * rows))
    elif what == "echo":
        said = "\n".join(
            Path(word).read_text() if word.startswith("/") else word for word in words
        )
        Path("said.txt").write_text(said)
        print("out", flush=True)
        print("err", file=sys.stderr, flush=True)
    elif what == "slow":
        print("begun", flush=True)
        time.sleep(60)
    else:
        print("the reason", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
