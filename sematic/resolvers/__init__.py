"""How a graph is run: silently, tracked on this machine, or on a cluster."""
