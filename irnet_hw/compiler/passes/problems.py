"""Problems: what prevents a build, all of it at once."""

from dataclasses import dataclass, field

from irnet_hw.errors import UserError


@dataclass
class Problems:
    """What prevents a build.

    Attributes:
        found: the messages.
        behind: outputs of nodes that can't be built. What reads them is checked.
    """

    found: list[UserError] = field(default_factory=list)
    behind: set[str] = field(default_factory=set)
