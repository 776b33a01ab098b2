"""What the parity test needs to know inside of a program: ``:main_test`` runs it from the files of the image."""

from sematic.parity.checking import as_worker, check, count, module_of
from sematic.parity.problems import Problem
from sematic.parity.replaying import replay
from sematic.parity.running import Observer, every_resolver

__all__ = ["Observer", "Problem", "as_worker", "check", "count", "every_resolver", "module_of", "replay"]
