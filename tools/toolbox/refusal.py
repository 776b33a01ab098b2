"""The one exception of the toolbox."""


class Refusal(Exception):
    """Something this machine lacks. Its text is one sentence that says what to do."""
