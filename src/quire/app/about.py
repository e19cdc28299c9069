"""What a server says of itself."""

VERSION = "0.1.0"
DESCRIPTION = "Flight recorder and product factory"
