"""Certificate rotation as a state machine without I/O. README.md has an example."""

from ._certrotate import Rotator, __version__, describe, kubelet_client

__all__ = ["Rotator", "__version__", "describe", "kubelet_client"]
