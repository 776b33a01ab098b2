"""Every error a user can meet, as one tree.

SematicError
├── DefinitionError     a function or an annotation that cannot be supported, said when it is decorated
├── GraphError          a future used in a way that cannot work
├── ConversionError     a value that is not of its declared type; carries a path
├── EncodingError       a value of the right type that cannot be stored
├── ArtifactError       a stored value that is missing, truncated or corrupt
├── StoreError          bytes that cannot be written to the store
├── NotInFunctionError  context() outside of a running function
├── LedgerError         the record cannot be read or written
│   ├── LedgerAway      it cannot be reached; what was under way may have been kept
│   ├── LedgerLocked    another process holds it for too long
│   ├── NewerLedger     it was written by a newer version
│   └── Fenced          a late writer: the attempt is no longer current
├── UnknownId           no run or artifact has this id, or several start with it
├── NoValue             a run's output, or an input, that is not there yet or never will be
├── ResumeError         a pipeline run that cannot be taken up again
├── SettingsError       a setting or flag that makes no sense
├── NoImage             remote jobs asked of a program that has no image in a registry
├── NoServer            remote jobs asked where no server can run them
├── WrongBase           a base image that lacks what the wheels on it need
├── RunFailed           a run failed in another process
│   └── RunTimedOut     a run passed its time limit
└── BodyExited          a function's body asked the whole program to exit
"""

from __future__ import annotations


class SematicError(Exception):
    """Base of all errors raised by Sematic itself."""


class DefinitionError(SematicError, TypeError):
    """A function or annotation that cannot be supported. Raised when decorated, or at the first call."""


class GraphError(SematicError, TypeError):
    """A future used in a way that cannot work."""


class ConversionError(SematicError, TypeError):
    """A value that is not of its declared type.

    Containers put their key or index in front of `path` while the error travels outwards, so that the message
    names the place: ``config.layers[2].width: expected int, got str 'wide'``.
    """

    def __init__(self, problem: str, path: tuple[str, ...] = ()) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path

    def within(self, step: str) -> ConversionError:
        """The same problem seen from one level further out; `step` is like ``.field``, ``[2]`` or ``['key']``."""
        self.path = (step, *self.path)
        return self

    def __str__(self) -> str:
        place = "".join(self.path)
        return f"{place}: {self.problem}" if place else self.problem


class EncodingError(SematicError, ValueError):
    """A value of the declared type that cannot be stored."""


class ArtifactError(SematicError):
    """A stored value that is missing, truncated or corrupt."""


class StoreError(SematicError):
    """Bytes cannot be written to the store: the disk is full, the folder is read-only."""


class NotInFunctionError(SematicError, RuntimeError):
    """`sematic.context()` was called outside of a running function."""


class LedgerError(SematicError):
    """The record of runs cannot be read or written."""


class LedgerAway(LedgerError):
    """The ledger's server cannot be reached. Whether a commit that was under way arrived is not known: made again
    with the same nonce, it is kept once."""


class LedgerLocked(LedgerError):
    """Another process holds the ledger for too long."""


class NewerLedger(LedgerError):
    """The ledger was written by a newer version of Sematic."""


class Fenced(LedgerError):
    """A late writer: the attempt it writes for is no longer the current one, or has ended."""


class UnknownId(SematicError, KeyError):
    """No run or artifact has this id, or several start with it."""

    def __str__(self) -> str:
        return Exception.__str__(self)  # a KeyError would show its repr


class NoValue(SematicError, LookupError):
    """An output or input that was asked for and is not there yet, or never will be."""


class ResumeError(SematicError):
    """A pipeline run that cannot be taken up again as asked."""


class SettingsError(SematicError, ValueError):
    """A setting, option or flag that makes no sense."""


class NoImage(SematicError):
    """Remote jobs were asked of a program that has no image in a registry: none was made, or its push failed."""


class NoServer(SematicError):
    """Remote jobs were asked where no server can run them."""


class WrongBase(SematicError, ImportError):
    """A base image that lacks what the wheels on it need. Raised when sematic is imported."""


class RunFailed(SematicError):
    """A run failed in another process, or in an earlier one.

    Attributes: `class_name` (of the original exception), `message`, `traceback` (text), `path` (of the run through
    the graph), `run_id`.
    """

    def __init__(
        self, class_name: str, message: str, traceback: str = "", path: str = "", run_id: str | None = None
    ) -> None:
        where = f"{path}: " if path else ""
        super().__init__(f"{where}{class_name}: {message}")
        self.class_name = class_name
        self.message = message
        self.traceback = traceback
        self.path = path
        self.run_id = run_id


class RunTimedOut(RunFailed):
    """A run passed its time limit."""


class BodyExited(SematicError):
    """A function's body asked the whole program to exit (`sys.exit`)."""
