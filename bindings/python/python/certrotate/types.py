"""The dictionaries of inputs and actions: the JSON form of core's types, as in a trace.

Times are milliseconds. A digest is 64 hexadecimal digits. A kind without details is a string, and one with details is a
dictionary with the kind as its only key.
"""

from __future__ import annotations

from typing import Any, Literal, Optional, TypedDict, Union

#: The configuration: core's ``ConfigSpec``. ``kubelet_client`` makes one.
Config = dict[str, Any]


class Now(TypedDict):
    """What both clocks show."""

    wall: int
    """Since 1970-01-01T00:00:00Z. It may jump."""
    mono: int
    """Since any start, suspended time included. It never goes back."""


class Op(TypedDict):
    """The id of an operation."""

    run: int
    seq: int


DiskFault = Literal[
    "NoSpace", "ReadOnly", "Denied", "Exists", "NotFound", "Locked", "Unsafe", "NoDirectory", "HandleGone", "Io"
]


class Scanned(TypedDict):
    """The answer of a scan."""

    Scanned: dict[str, Any]
    """Core's ``Inventory``: current, entries, more, outside."""


class DiskOk(TypedDict):
    """A disk command that succeeded."""

    Ok: Union[Literal["Done"], Scanned]


class DiskErr(TypedDict):
    """A disk command that failed."""

    Err: DiskFault


class DiskResult(TypedDict):
    """The result of a disk command."""

    op: Op
    result: Union[DiskOk, DiskErr]


class DiskAnswered(TypedDict):
    """A disk command ended."""

    DiskAnswered: DiskResult


class MadeKey(TypedDict):
    """A key, by its handle, and the request made for it."""

    key: int
    key_digest: str
    request: str


class KeyOk(TypedDict):
    """A key was made."""

    Ok: MadeKey


class KeyErr(TypedDict):
    """No key was made."""

    Err: Literal["Failed"]


class KeyResult(TypedDict):
    """The result of making a key."""

    op: Op
    result: Union[KeyOk, KeyErr]


class KeyMade(TypedDict):
    """The operation ``MakeKey`` ended."""

    KeyMade: KeyResult


class CallResult(TypedDict):
    """The result of a call: ``{"Ok": RequestRecord}`` or ``{"Err": IssuerFault}`` of core."""

    op: Op
    result: dict[str, Any]


class CallAnswered(TypedDict):
    """A call of the issuer ended."""

    CallAnswered: CallResult


class Reconfigure(TypedDict):
    """Another configuration."""

    Reconfigure: Config


Input = Union[Literal["Tick", "RotateNow", "Shutdown"], DiskAnswered, KeyMade, CallAnswered, Reconfigure]


class Disk(TypedDict):
    """A disk command. ``command`` is its kind: a string, or a dictionary with its names and content."""

    op: Op
    command: Any


class MakeKey(TypedDict):
    """Make a key and its request."""

    op: Op
    duration: Optional[int]


class Call(TypedDict):
    """Call the issuer."""

    op: Op
    call: dict[str, Any]
    credential: Any


class Cancel(TypedDict):
    """The answer is no longer needed."""

    op: Op


class GoLive(TypedDict):
    """Present this identity from now on."""

    generation: int
    key: int
    cert: int


class Withdraw(TypedDict):
    """Present no identity from now on."""

    generation: int


class Action(TypedDict, total=False):
    """An action: a dictionary with one of these keys."""

    Disk: Disk
    MakeKey: MakeKey
    Call: Call
    Cancel: Cancel
    GoLive: GoLive
    Withdraw: Withdraw
    Report: Any
    """An event; ``describe`` makes a line of it."""
    Exit: Literal["Shutdown", "Locked", "Unsafe", "NoDirectory"]


class Handle(TypedDict, total=False):
    """A key or a chain of the driver: a dictionary with one of these keys."""

    Key: int
    Cert: int


class Step(TypedDict):
    """The result of a step."""

    disposition: Union[Literal["Applied"], dict[str, str]]
    """Whether the input was applied, or why it was ignored."""
    actions: list[Action]
    """What to carry out, in order."""
    erase: list[Handle]
    """The keys and chains to erase after the actions, and no others."""
