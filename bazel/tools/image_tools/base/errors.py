"""What a user reads when an image cannot be a base: one sentence each, no traceback."""


class BaseError(Exception):
    """The image cannot be a base; the message says why and what to do."""
