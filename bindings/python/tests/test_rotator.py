"""The interface, with right and with hostile arguments."""

from __future__ import annotations

import copy
import threading
from typing import Any

import pytest

import certrotate
from certrotate import Rotator, describe, kubelet_client

NOW: Any = {"wall": 1_790_000_000_000, "mono": 1000}


def rotator() -> Rotator:
    return Rotator(kubelet_client("node-1"), 7)


def started() -> tuple[Rotator, Any]:
    started = rotator()
    step = started.step(NOW, "Tick")
    return started, step["actions"][0]["Disk"]["op"]


def test_first_tick_takes_the_lock() -> None:
    step = rotator().step(NOW, "Tick")
    assert step["disposition"] == "Applied"
    assert step["actions"] == [{"Disk": {"op": {"run": 7, "seq": 1}, "command": "Lock"}}]
    assert step["erase"] == []


def test_largest_run_is_kept() -> None:
    step = Rotator(kubelet_client("a"), 2**64 - 1).step(NOW, "Tick")
    assert step["actions"][0]["Disk"]["op"]["run"] == 2**64 - 1


@pytest.mark.parametrize("run", [-1, 2**64, 1.5, "7", None])
def test_run_out_of_range_is_refused(run: Any) -> None:
    with pytest.raises((OverflowError, TypeError)):
        Rotator(kubelet_client("a"), run)


def test_refused_configuration_names_the_field() -> None:
    config = kubelet_client("node-1")
    config["template"]["usages"] = 0
    with pytest.raises(ValueError, match="usage"):
        Rotator(config, 1)


@pytest.mark.parametrize("config", [None, 1, "text", [], {}, {"template": None}, object(), {"a": b"bytes"}])
def test_no_configuration_is_refused(config: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        Rotator(config, 1)


@pytest.mark.parametrize(
    "given",
    [None, 5, "Stop", [], {}, {"Tick": 1}, {"DiskAnswered": None}, {"KeyMade": {"op": {"run": -1, "seq": 1}}}, b"Tick"],
)
def test_no_input_is_refused_and_changes_nothing(given: Any) -> None:
    machine, _ = started()
    before = machine.view(), machine.sleep(NOW)
    with pytest.raises((ValueError, TypeError)):
        machine.step(NOW, given)
    assert (machine.view(), machine.sleep(NOW)) == before


def test_cyclic_input_is_refused() -> None:
    cyclic: Any = {}
    cyclic["Tick"] = cyclic
    with pytest.raises(ValueError):
        rotator().step(NOW, cyclic)


def test_deep_input_is_refused() -> None:
    deep: Any = []
    for _ in range(500):
        deep = [deep]
    with pytest.raises(ValueError, match="cannot be read"):
        rotator().step(NOW, deep)


def test_long_input_is_refused() -> None:
    long: Any = {"Reconfigure": {"x": "y" * 5_000_000}}
    with pytest.raises(ValueError, match="more than"):
        rotator().step(NOW, long)


@pytest.mark.parametrize("now", [None, {}, {"wall": 1}, {"wall": "1", "mono": 1}, {"wall": 0, "mono": -1}])
def test_no_clocks_are_refused(now: Any) -> None:
    with pytest.raises(ValueError, match="now cannot be read"):
        rotator().step(now, "Tick")


def test_unknown_operation_is_ignored() -> None:
    machine, op = started()
    other = {"run": op["run"], "seq": op["seq"] + 1}
    answer: Any = {"DiskAnswered": {"op": other, "result": {"Ok": "Done"}}}
    step = machine.step(NOW, answer)
    assert step["disposition"] == {"Ignored": "NotOutstanding"}


def test_answer_of_another_kind_is_reported() -> None:
    machine, op = started()
    step = machine.step(NOW, {"KeyMade": {"op": op, "result": {"Err": "Failed"}}})
    reports = [action["Report"] for action in step["actions"] if "Report" in action]
    assert reports[0]["DiskFailed"]["fault"] == "WrongKind"
    severity, line = describe(reports[0])
    assert severity == "error" or severity == "warning"
    assert line and "\n" not in line


def test_sleep_is_seconds_until_the_next_tick() -> None:
    machine, _ = started()
    sleep = machine.sleep(NOW)
    assert sleep is not None and 0 < sleep <= 60
    later: Any = {"wall": NOW["wall"] + 1000, "mono": NOW["mono"] + 1000}
    assert machine.sleep(later) == pytest.approx(sleep - 1)


def test_ended_run_has_no_sleep() -> None:
    machine = rotator()
    step = machine.step(NOW, "Shutdown")
    assert step["actions"] == [{"Exit": "Shutdown"}]
    assert machine.sleep(NOW) is None


def test_nothing_is_live_at_the_start() -> None:
    assert rotator().live(NOW["wall"]) is None


def test_inputs_are_not_changed() -> None:
    config = kubelet_client("node-1")
    kept = copy.deepcopy(config)
    Rotator(config, 1)
    assert config == kept


def test_threads_take_turns_or_get_an_exception() -> None:
    machine, errors = rotator(), []

    def tick() -> None:
        for _ in range(500):
            try:
                machine.step(NOW, "Tick")
            except Exception as error:  # noqa: BLE001 - the kind is what is tested
                errors.append(error)

    threads = [threading.Thread(target=tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert all(isinstance(error, RuntimeError) and "another thread" in str(error) for error in errors)


def test_version_is_the_one_of_the_crate() -> None:
    assert certrotate.__version__.count(".") == 2
