"""Room for one teacher on the GPU: the one in use is there, and the others wait in main memory.

Students and the base stay where they are. Adapters share the base's tensors and take no seat.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from copd_engine.policy import Policy


class Seat:
    """Whoever computes holds it (see `Policy.seat`)."""

    def __init__(self, waiting: str | torch.device = "cpu") -> None:
        self._waiting = torch.device(waiting)
        self._holder: Policy | None = None

    def take(self, policy: Policy) -> None:
        """Brings a policy to its device, and sends away the one before it."""
        if self._holder is not policy:
            self.leave()
            policy.model.to(policy.device)
            self._holder = policy

    def leave(self) -> None:
        """Makes room: nobody holds the seat."""
        if self._holder is not None:
            self._holder.model.to(self._waiting)
            self._holder = None
