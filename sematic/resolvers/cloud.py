"""CloudResolver: run on a team's Kubernetes cluster, in the image that this program was built into.

So far it makes sure that a pipeline could be submitted, and says that it cannot submit one yet.
"""

from __future__ import annotations

from typing import TypeVar

from sematic import entry, settings
from sematic.errors import NoImage, NoServer, SettingsError
from sematic.future import Future
from sematic.graph import Graph
from sematic.images import Images, images
from sematic.resolvers.base import graph_of
from sematic.resolvers.progress import node_name
from sematic.resolvers.push import wait_for_push
from sematic.resources import ResourceRequirements

T = TypeVar("T")


class CloudResolver:
    """Runs functions as Kubernetes jobs of the server that the settings name.

    `detach`: True runs the driver in a job too, and comes back when it is submitted; False runs it here.
    `max_parallelism`: how many functions with ``inline=False`` run at once at most. `resources`: what the driver's
    job gets. Raises SettingsError for values that make no sense.
    """

    def __init__(
        self,
        detach: bool = True,
        max_parallelism: int | None = None,
        resources: ResourceRequirements | None = None,
    ) -> None:
        if not isinstance(detach, bool):
            raise SettingsError(f"CloudResolver: detach must be True or False, got {detach!r}")
        if max_parallelism is not None and (type(max_parallelism) is not int or max_parallelism < 1):
            raise SettingsError(f"CloudResolver: max_parallelism must be 1 or more, got {max_parallelism!r}")
        if resources is not None and not isinstance(resources, ResourceRequirements):
            raise SettingsError(f"CloudResolver: resources must be a ResourceRequirements, got {resources!r}")
        if resources is not None and not detach:
            raise SettingsError("CloudResolver: resources are for the driver's job; with detach=False it has none")
        self.detach = detach
        self.max_parallelism = max_parallelism
        self.resources = resources

    def resolve(self, future: Future[T]) -> T:
        """Check what must be there before anything is submitted, the quick checks first.

        Raises NoImage when this program has no image in a registry, or not the one that a function asks for, and
        NoServer. Nothing is recorded anywhere.
        """
        entry.adopt_main()
        check_tags(graph_of(future), images())
        address = server_address()
        wait_for_push()
        raise NoServer(
            "the image is in its registry, but this version of Sematic cannot submit a pipeline to a server "
            f"({address}) yet. Nothing was submitted; use LocalResolver()"
        )


def check_tags(graph: Graph, images: Images) -> None:
    """Every `base_image_tag` of the graph must be that of an image. Raises NoImage, naming the function."""
    for node in graph.nodes:
        try:
            images.for_tag(node.options.base_image_tag)
        except NoImage as error:
            raise NoImage(f"function {node_name(node)}: {error}") from None


def server_address() -> str:
    """Where to submit. Raises NoServer when no setting says so."""
    address = settings.get("api_address")
    if not address:
        raise NoServer(
            "CloudResolver needs the address of your team's server, and none is set: "
            "`sematic settings set api_address https://…`, or SEMATIC_API_ADDRESS in the environment"
        )
    return str(address)
