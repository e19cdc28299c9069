"""The server itself: health, tokens, login links."""
