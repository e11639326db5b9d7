"""The compiled part of the package."""

from typing import Literal, Mapping, Optional, Union, final

from .types import Config, Input, Now, Step

__all__ = ["Rotator", "__version__", "describe", "kubelet_client"]

__version__: str

@final
class Rotator:
    """The rotation of one identity.

    One thread at a time uses a rotator; a second one gets a RuntimeError. No method waits, reads a clock or does I/O.
    """

    def __new__(cls, config: Config, run: int) -> Rotator:
        """Makes a rotator that has not started: the input ``"Tick"`` starts it.

        ``run`` is drawn at random, below 2**64, another one for each rotator of each run.
        Raises ValueError for a configuration that is refused; the message names the field.
        """

    def step(self, now: Now, input: Input) -> Step:
        """Applies one input. Carry out the actions in order, then erase the keys and chains of ``erase``.

        Raises ValueError for an input that is none; then the rotator is unchanged.
        """

    def sleep(self, now: Now) -> Optional[float]:
        """Returns how many seconds the driver may sleep; None after the run ended."""

    def live(self, wall: int) -> Optional[tuple[int, int]]:
        """Returns the key and the chain to present at this wall time, or None: then present nothing."""

    def view(self) -> dict[str, object]:
        """Returns the state for an operator, as core's ``View``."""

def describe(event: Union[str, Mapping[str, object]]) -> tuple[Literal["info", "warning", "error"], str]:
    """Returns the severity of a reported event and its line for an operator."""

def kubelet_client(node: str) -> Config:
    """Returns the configuration of a node's client certificate, as the kubelet requests it."""
