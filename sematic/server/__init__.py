"""The server: a ledger and a store over HTTP, for whoever has a token. It never unpickles and loads no user code."""
