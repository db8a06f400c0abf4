"""The keys of who is said to have taken part in an exchange."""

from pydantic import Field

from shipper.config.model.section import Section


class Attribution(Section):
    """What is told of the ends of a connection that are on this host."""

    containers: bool = Field(
        default=True,
        description="container, pod and systemd unit, as the path of the cgroup tells them",
    )
