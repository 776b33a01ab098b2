"""Options, retries and resource requirements: what is accepted, what is refused with which words, what is recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sematic import (
    KubernetesRequirements,
    KubernetesSecretMount,
    KubernetesToleration,
    ResourceRequirements,
    RetrySettings,
    SettingsError,
    TolerationEffect,
    TolerationOperator,
)
from sematic.options import DEFAULTS, Options

GPU = ResourceRequirements(
    KubernetesRequirements(
        node_selector={"node.kubernetes.io/instance-type": "g4dn.xlarge"},
        requests={"cpu": "500m", "memory": "2Gi", "nvidia.com/gpu": "1"},
        limits={"memory": "4Gi"},
        tolerations=[  # type: ignore[arg-type]
            KubernetesToleration("gpu", TolerationOperator.EQUAL, TolerationEffect.NO_EXECUTE, "yes", 60),
            KubernetesToleration(operator=TolerationOperator.EXISTS),
        ],
        secret_mounts=KubernetesSecretMount({"token": "API_TOKEN"}, {"key": "ssh/key"}),
        mount_expanded_shared_memory=True,
    )
)


def test_defaults_are_recorded_as_nothing() -> None:
    assert DEFAULTS.json is None
    assert Options.from_json(None) == DEFAULTS


def test_options_survive_the_record() -> None:
    retry = RetrySettings((ValueError, OSError), 3, backoff=0.5)
    given = Options(
        inline=False, resource_requirements=GPU, retry=retry, timeout=1.5, cache=True, name="n", tags=("a", "b")
    )
    read = Options.from_json(given.json)
    assert read.retry == RetrySettings((), 3, backoff=0.5), "what is retryable is decided where it is raised"
    assert read == given.changed(retry=read.retry)
    assert json.loads(given.json or "")["retry"]["exceptions"] == ["builtins:ValueError", "builtins:OSError"]


def test_changed_options_are_new_ones() -> None:
    changed = DEFAULTS.changed(name="other", tags=["x"])
    assert (changed.name, changed.tags, DEFAULTS.name) == ("other", ("x",), None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nmae": "x"}, "no option nmae; there are inline, resource_requirements, retry"),
        ({"inline": 1}, "option inline: expected True or False, got 1"),
        ({"cache": "yes"}, "option cache: expected True or False"),
        ({"retry": 3}, r"option retry: expected a RetrySettings, such as .*, got 3"),
        ({"resource_requirements": "gpu"}, "option resource_requirements: expected a ResourceRequirements"),
        ({"timeout": 0}, "option timeout: must be a number of seconds above 0, got 0"),
        ({"timeout": "5"}, "option timeout: expected a number of seconds, got '5'"),
        ({"base_image_tag": 1}, "option base_image_tag: expected a text"),
        ({"name": ""}, "option name: must not be empty"),
        ({"tags": "a"}, "option tags: expected a list of texts, got the text 'a'"),
        ({"tags": [""]}, "option tags: must be texts that are not empty"),
    ],
)
def test_options_that_make_no_sense(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        DEFAULTS.changed(**changes)


def test_waits_grow_up_to_a_limit_and_spread() -> None:
    settings = RetrySettings((OSError,), 9, backoff=1, factor=2, max_backoff=10, jitter=0.5)
    assert [settings.delay(retry, 0.5) for retry in (1, 2, 3, 4, 5, 1000)] == [1, 2, 4, 8, 10, 10]
    assert (settings.delay(1, 0), settings.delay(1, 1)) == (0.5, 1.5)


def test_one_exception_or_several() -> None:
    one = RetrySettings(OSError, 1)  # type: ignore[arg-type]
    assert one.matches(FileNotFoundError())
    assert not RetrySettings([ValueError], 1).matches(OSError())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (((ValueError("x"),), 1), "exceptions must be exception classes, got ValueError"),
        (((int,), 1), "exceptions must be exception classes, got <class 'int'>"),
        (((OSError,), -1), "retries must be a whole number, 0 or more, got -1"),
        (((OSError,), True), "retries must be a whole number"),
        (((OSError,), 1.0), "retries must be a whole number"),
        (((OSError,), 1, -1), "must be ≥ 0"),
        (((OSError,), 1, 1, 0.5), "factor ≥ 1"),
        (((OSError,), 1, 1, 2, 60, 2), "jitter from 0 to 1"),
    ],
)
def test_retries_that_make_no_sense(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        RetrySettings(*arguments)


def test_requirements_survive_json() -> None:
    assert ResourceRequirements.from_json(json.loads(json.dumps(GPU.to_json()))) == GPU
    assert ResourceRequirements.from_json(ResourceRequirements().to_json()) == ResourceRequirements()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"requests": {"cpu": "half"}}, r"requests\['cpu'\] is 'half'; write a Kubernetes quantity"),
        ({"limits": {"memory": 5}}, r"limits\['memory'\] is 5"),
        ({"requests": {"memory": "2GB"}}, "2GB"),
        ({"node_selector": {"bad key": "x"}}, "bad key=x is no label a node can have"),
        ({"node_selector": {"a": "b c"}}, "a=b c is no label"),
    ],
)
def test_requirements_that_no_cluster_takes(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        KubernetesRequirements(**fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"operator": TolerationOperator.EXISTS, "value": "x"}, "EXISTS takes no value"),
        ({}, "EQUAL needs a key"),
        ({"key": "a", "toleration_seconds": 5}, "NO_EXECUTE only"),
    ],
)
def test_tolerations_that_make_no_sense(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        KubernetesToleration(**fields)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"environment_secrets": {"a": "not a name"}}, "'not a name' is no name of an environment variable"),
        ({"file_secrets": {"a": "/etc/passwd"}}, "must be a path below"),
        ({"file_secrets": {"a": "x/../../y"}}, "must be a path below"),
        ({"file_secret_root_path": "secrets"}, "must be absolute"),
    ],
)
def test_secrets_that_make_no_sense(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        KubernetesSecretMount(**fields)
