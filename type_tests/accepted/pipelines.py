# pyright: strict
"""Bodies that build graphs: loops, conditions, dataclasses of calls, resolvers, requirements."""

from dataclasses import dataclass

from typing import assert_type

import sematic
from type_tests.functions import Config, Scores, configure, count, train


@dataclass(frozen=True)
class Result:
    best: Scores
    all: list[Scores]


@sematic.func
def best(scores: list[Scores]) -> Scores:
    return max(scores)


@sematic.func(
    inline=False,
    resource_requirements=sematic.ResourceRequirements(
        kubernetes=sematic.KubernetesRequirements(
            node_selector={"zone": "a"},
            requests={"cpu": "500m"},
            tolerations=(sematic.KubernetesToleration(operator=sematic.TolerationOperator.EXISTS),),
            secret_mounts=sematic.KubernetesSecretMount(environment_secrets={"key": "KEY"}),
        )
    ),
    retry=sematic.RetrySettings((OSError, TimeoutError), retries=2),
    base_image_tag="gpu",
)
def search(configs: list[Config], quick: bool) -> Result:
    if quick:
        configs = configs[:1]
    scores = [sematic.options(train(config, seed), name=f"train {seed}") for seed, config in enumerate(configs)]
    return Result(best(scores), scores)


@sematic.func
def factorial(number: int) -> int:
    if number == 0:
        return 1
    return product(number, factorial(number - 1))


@sematic.func
def product(a: int, b: int) -> int:
    return a * b


@sematic.func
def inside() -> str:
    where = sematic.context()
    assert_type(where.run_id, str)
    assert_type(where.attempt, int)
    return where.pipeline_run_id


assert_type(search([configure(0.5), Config(0.1, [])], quick=False), Result)
assert_type(sematic.resolve(search([configure(0.5)], True), sematic.SilentResolver()).best.test, float)
assert_type(sematic.resolve(factorial(count(3)), sematic.SilentResolver()), int)
assert_type(sematic.LocalResolver(max_parallelism=2), sematic.LocalResolver)
assert_type(sematic.CloudResolver(detach=False, max_parallelism=2), sematic.CloudResolver)
CLOUD = sematic.CloudResolver(resources=sematic.ResourceRequirements())


def submit() -> int:
    return sematic.resolve(factorial(count(3)), CLOUD)
