"""What a user reads when files cannot become a layer: one sentence each, no traceback."""


class LayerError(Exception):
    """The input cannot become a layer; the message says which part and what to do."""


class ChangedWhileRead(LayerError):
    """A file was written to while it was packed."""

    def __init__(self, source: str) -> None:
        super().__init__(f"{source} changed while it was read: something writes to it during the build.")
