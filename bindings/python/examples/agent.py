"""A complete driver on asyncio, with the conformance kit as disk, key store, issuer, sink and clocks.

    certrotate-model conformance -- python3 agent.py

A real agent replaces `Kit` and keeps `Agent`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from typing import Any, Optional

from certrotate import Rotator
from certrotate.types import Action, Config, Handle, Input, Now, Step


class Kit:
    """The outside, over pipes: docs/conformance.md has the protocol."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self.reader = reader
        self.turn = asyncio.Lock()

    @classmethod
    async def connect(cls) -> Kit:
        reader = asyncio.StreamReader(limit=1 << 20)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        return cls(reader)

    async def line(self) -> Any:
        line = await self.reader.readline()
        if not line:
            sys.exit()  # The kit ended the run.
        return json.loads(line)

    def send(self, name: str, value: object) -> None:
        print(json.dumps({name: value}), flush=True)

    async def request(self, name: str, value: object) -> Any:
        async with self.turn:  # The kit answers in order.
            self.send(name, value)
            return await self.line()


class Agent:
    """The loop of docs/embedding.md: one rotator, and a queue of inputs."""

    def __init__(self, kit: Kit, config: Config) -> None:
        self.kit = kit
        run = secrets.randbits(64)
        self.rotator = Rotator(config, run)
        self.inputs: asyncio.Queue[Optional[Input]] = asyncio.Queue()
        kit.send("started", run)

    async def run(self) -> None:
        self.inputs.put_nowait("Tick")
        while True:
            now: Now = await self.kit.request("now", None)
            if self.inputs.empty():
                await self.sleep(now)
                continue
            given = self.inputs.get_nowait()
            if given is None:
                continue
            step = self.rotator.step(now, given)
            if await self.reported(now, given, step) and await self.carried_out(step):
                return

    async def sleep(self, now: Now) -> None:
        seconds = self.rotator.sleep(now)
        milliseconds = None if seconds is None else round(seconds * 1000)
        self.inputs.put_nowait(await self.kit.request("wait", milliseconds))

    async def reported(self, now: Now, given: Input, step: Step) -> bool:
        """Lets the kit compare the step with its own."""
        return await self.kit.request("step", {"now": now, "input": given, "actions": step["actions"]}) is not None

    async def carried_out(self, step: Step) -> bool:
        """Carries out the actions in order, then erases. Returns whether the run ends."""
        ends = False
        for action in step["actions"]:
            ends |= await self.carry_out(action)
        if step["erase"]:
            self.kit.send("erase", {"keys": numbers(step["erase"], "Key"), "certs": numbers(step["erase"], "Cert")})
        return ends

    async def carry_out(self, action: Action) -> bool:
        if "Disk" in action or "MakeKey" in action:
            # One after the other. The answer is an input like all others.
            self.inputs.put_nowait(await self.kit.request("finish", action))
        elif "Exit" in action:
            return True
        else:
            # Calls are answered while the agent sleeps. GoLive and Withdraw take effect at once.
            self.kit.send("begin", action)
        return False


def numbers(erase: list[Handle], kind: str) -> list[int]:
    return [number for handle in erase for key, number in handle.items() if key == kind and isinstance(number, int)]


async def main() -> None:
    kit = await Kit.connect()
    greeting = await kit.line()
    await Agent(kit, greeting["config"]).run()


if __name__ == "__main__":
    asyncio.run(main())
