"""A driver over pipes, with nothing but the standard library: docs/conformance.md has the protocol.

Core runs in the kit, since Python has none without a binding. BUG names a seeded bug for the tests.
"""

import collections
import json
import os
import random
import sys
import time

BUG = sys.argv[1] if len(sys.argv) > 1 else ""


def send(name, value):
    print(json.dumps({name: value}), flush=True)


def request(name, value=None):
    send(name, value)
    line = sys.stdin.readline()
    if not line:
        sys.exit()
    return json.loads(line)


def carry_out(action, inputs):
    """Carries out one action; returns whether core has exited."""
    if action == "GoLive" or "GoLive" in action:
        if BUG == "go-live":
            return False
    if "Disk" in action or "MakeKey" in action:
        answer = request("finish", action)
        if answer is not None and not (BUG == "disk-answered" and "Disk" in action):
            inputs.append(answer)
    elif "Exit" in action:
        return True
    else:
        send("begin", action)
    return False


def main():
    json.loads(sys.stdin.readline())  # The configuration, for a driver with a core of its own.
    misbehave()
    send("started", random.getrandbits(53))
    inputs = collections.deque(["Tick"])
    while True:
        now = request("now")
        if not inputs:
            inputs.append(request("wait", request("sleep", now)))
            continue
        step = request("step", {"now": now, "input": inputs.popleft()})
        exits = [carry_out(action, inputs) for action in step["actions"]]
        if any(step["erase"].values()):
            send("erase", step["erase"])
        if any(exits):
            return


def misbehave():
    """The seeded bugs of the protocol."""
    if BUG == "no-json":
        print("hello", flush=True)
    elif BUG == "unknown-request":
        send("stop", None)
    elif BUG == "long-line":
        print("x" * 3_000_000, flush=True)
    elif BUG == "no-text":
        sys.stdout.buffer.write(b"\xff\xfe\n")
        sys.stdout.flush()
    elif BUG == "silent":
        time.sleep(600)
    elif BUG == "closed":
        os.close(1)
        time.sleep(600)
    elif BUG == "ends":
        sys.exit()
    elif BUG == "unread":
        while True:
            send("now", None)


main()
