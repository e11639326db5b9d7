//! Prints the memory of many machines in one process with one queue of their wake times, and the cost of one clock check for all
//! of them: `cargo bench -p certrotate-core --bench machines`. A number after `--` replaces the million.
//!
//! Each machine is another node's, with a configuration of its own, and rests between two renewals.

#![expect(clippy::disallowed_types, reason = "the bench, unlike core, looks at a clock")]

mod driver;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use std::time::Instant;

use certrotate_core::view::Phase;
use certrotate_core::{Input, MonoTime, Now, Rotator, RunId, Span, Template};

use driver::Driver;

const MANY: usize = 1_000_000;

fn main() {
    let wanted = std::env::args().skip(1).find_map(|argument| argument.parse().ok());
    let count: usize = wanted.unwrap_or(MANY);
    let before = resident();
    let mut machines: Vec<Rotator> = Vec::with_capacity(count);
    let mut queue = BinaryHeap::with_capacity(count);
    let mut now = Now::default();
    for index in 0..count {
        let run = RunId::new([7; 16], u32::try_from(index).expect("fewer machines than numbers"));
        let mut driver = Driver::new(Template::kubelet_client(&format!("node-{index:07}")), run);
        while driver.lives < 1 || driver.rotator.view().phase != Phase::Resting {
            driver.advance();
        }
        now = driver.now;
        queue.push(Reverse((wake(&driver.rotator, now), index)));
        machines.push(driver.rotator);
    }
    let bytes = resident().saturating_sub(before);
    println!("{count} machines with their queue: {} MiB, {} bytes each", bytes >> 20, bytes / count as u64);

    // The offset of the clocks is the same: no machine is stepped.
    let start = Instant::now();
    for _ in 0..1_000 {
        black_box(is_wall_clock_set(black_box(now), black_box(now)));
    }
    println!("a clock check that finds nothing, for all of them: {} ns", start.elapsed().as_nanos() / 1_000);

    // The wall clock was set: each machine gets a tick, and its place in a new queue.
    let set = Now::new(now.wall.plus(Span::from_mins(5)), now.mono);
    assert!(is_wall_clock_set(now, set));
    let start = Instant::now();
    let mut entries = queue.into_vec();
    entries.clear();
    for (index, machine) in machines.iter_mut().enumerate() {
        let _ = black_box(machine.step(set, Input::Tick));
        entries.push(Reverse((wake(machine, set), index)));
    }
    let queue = BinaryHeap::from(entries);
    println!(
        "a clock check after the wall clock was set: {} ms for {} machines",
        start.elapsed().as_millis(),
        queue.len()
    );
}

/// When a machine is due, by the monotonic clock as long as the wall clock is not set.
fn wake(machine: &Rotator, now: Now) -> MonoTime {
    let wake = machine.wake();
    let by_wall = wake.wall.map(|wall| now.mono.plus(wall.since(now.wall)));
    by_wall.into_iter().chain(wake.mono).min().unwrap_or(MonoTime::from_ms(u64::MAX))
}

/// Whether the wall clock moved against the monotonic one by more than it drifts.
fn is_wall_clock_set(before: Now, now: Now) -> bool {
    let expected = before.wall.plus(now.mono.since(before.mono));
    expected.since(now.wall).max(now.wall.since(expected)) > Span::from_secs(1)
}

/// The resident memory of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has /proc");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has VmRSS");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("it is a number of kB");
    kib * 1024
}
