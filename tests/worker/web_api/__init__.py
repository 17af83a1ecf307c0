"""The HTTP API over real sockets, on both databases."""
