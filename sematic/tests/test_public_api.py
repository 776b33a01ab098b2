"""The names a user may import, and how they are called. A change here is a change for users: make it on purpose."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys

import pytest

import sematic

PLAIN_ERRORS = {
    "ArtifactError": "SematicError",
    "BodyExited": "SematicError",
    "DefinitionError": "SematicError",
    "EncodingError": "SematicError",
    "Fenced": "LedgerError",
    "GraphError": "SematicError",
    "LedgerAway": "LedgerError",
    "LedgerError": "SematicError",
    "LedgerLocked": "LedgerError",
    "NewerLedger": "LedgerError",
    "NoImage": "SematicError",
    "NoServer": "SematicError",
    "WrongBase": "SematicError",
    "NotInFunctionError": "SematicError",
    "ResumeError": "SematicError",
    "SematicError": "Exception",
    "SettingsError": "SematicError",
    "StoreError": "SematicError",
}

RUN_FAILED = "(class_name: str, message: str, traceback: str = '', path: str = '', run_id: str | None = None) -> None"

SIGNATURES = {
    "CloudResolver": (
        "(detach: bool = True, max_parallelism: int | None = None, "
        "resources: ResourceRequirements | None = None) -> None"
    ),
    "Context": "(run_id: str, pipeline_run_id: str, attempt: int)",
    "ConversionError": "(problem: str, path: tuple[str, ...] = ()) -> None",
    "Directory": "(path: str | os.PathLike[str]) -> None",
    "File": "(path: str | os.PathLike[str]) -> None",
    "Image": "(bytes: bytes) -> None",
    "KubernetesRequirements": (
        "(node_selector: dict[str, str] = <factory>, requests: dict[str, str] = <factory>, "
        "limits: dict[str, str] = <factory>, tolerations: tuple[KubernetesToleration, ...] = (), "
        "secret_mounts: KubernetesSecretMount | None = None, mount_expanded_shared_memory: bool = False) -> None"
    ),
    "KubernetesSecretMount": (
        "(environment_secrets: dict[str, str] = <factory>, file_secrets: dict[str, str] = <factory>, "
        "file_secret_root_path: str = /secrets) -> None"
    ),
    "KubernetesToleration": (
        "(key: str | None = None, operator: TolerationOperator = <TolerationOperator.EQUAL: Equal>, "
        "effect: TolerationEffect = <TolerationEffect.ALL: All>, value: str | None = None, "
        "toleration_seconds: int | None = None) -> None"
    ),
    "Link": "(label: str, url: str) -> None",
    "LocalResolver": "(max_parallelism: int | None = None) -> None",
    "ResourceRequirements": "(kubernetes: KubernetesRequirements = <factory>) -> None",
    "RetrySettings": (
        "(exceptions: tuple[type[BaseException], ...], retries: int, backoff: float = 1.0, factor: float = 2.0, "
        "max_backoff: float = 60.0, jitter: float = 0.2) -> None"
    ),
    "RunFailed": RUN_FAILED,
    "RunTimedOut": RUN_FAILED,
    "SilentResolver": "()",
    "context": "() -> Context",
    "field": "(future: Any, name: str) -> Any",
    "func": "(body: Any = None, /, **options: Any) -> Any",
    "get_run": "(id: str) -> RunView",
    "load": "(artifact_id: str) -> Any",
    "options": "(value: T, **options: Unpack[CallOptions]) -> T",
    "register_type": "(cls: type) -> Callable[[C], C]",
    "resolve": "(value: T, resolver: Resolver | None = None) -> T",
}

OTHERS = {"Function", "Future", "TolerationEffect", "TolerationOperator", "__version__"}

HEAVY = (
    "sqlalchemy",
    "alembic",
    "flask",
    "kubernetes",
    "numpy",
    "psycopg",
    "cloudpickle",
    "rich",
    "click",
    "unittest.mock",
)


def test_these_names_and_no_others_are_public() -> None:
    assert set(sematic.__all__) == {*PLAIN_ERRORS, *SIGNATURES, *OTHERS}
    assert sorted(sematic.__all__) == list(sematic.__all__)


@pytest.mark.parametrize("name", sorted({*PLAIN_ERRORS, *SIGNATURES, *OTHERS}))
def test_each_name_is_there(name: str) -> None:
    assert getattr(sematic, name) is not None


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    written = str(inspect.signature(getattr(sematic, name))).replace("ForwardRef", "")
    for quoted in ("('str')", "('int')"):
        written = written.replace(quoted, quoted[2:-2])
    assert written.replace("'", "") == SIGNATURES[name].replace("'", "")


@pytest.mark.parametrize(("name", "base"), PLAIN_ERRORS.items())
def test_errors_are_a_tree(name: str, base: str) -> None:
    assert getattr(sematic, name).__bases__[0].__name__ == base
    assert getattr(sematic, name)("said").args == ("said",)


def test_the_public_names_of_a_future_and_a_function() -> None:
    assert {name for name in dir(sematic.Future) if not name.startswith("_")} == {"resolve", "set"}
    public = {name for name in dir(sematic.Function) if not name.startswith("_")}
    assert public == {"future", "parameters", "returns", "source"}
    resolve = inspect.signature(sematic.Future.resolve)
    assert list(resolve.parameters) == ["self", "resolver"]


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'sematic' has no attribute 'nothing'"):
        sematic.nothing  # noqa: B018


def modules_after(program: str) -> set[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    code = f"import sys; before = set(sys.modules)\n{program}\nimport json; print(json.dumps(list(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    return set(json.loads(ended.stdout))


def test_importing_the_package_imports_nothing_heavy() -> None:
    loaded = modules_after("import sematic\nsematic.LocalResolver")
    assert "sematic.resolvers.local" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_running_a_pipeline_silently_imports_nothing_heavy() -> None:
    loaded = modules_after(
        "import sematic\nfrom sematic.tests.sums import add\nadd(1, 2).resolve(sematic.SilentResolver())"
    )
    assert "sematic.tests.sums" in loaded
    assert loaded.isdisjoint(HEAVY)
