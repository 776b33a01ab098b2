"""A ledger and a store over the API of a server."""
