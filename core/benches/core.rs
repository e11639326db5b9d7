//! Prints what a step and a whole rotation cost without crypto, disk and network: `cargo bench -p certrotate-core --bench core`.

#![expect(clippy::disallowed_types, reason = "the bench, unlike core, looks at a clock")]

mod driver;

use std::hint::black_box;
use std::time::{Duration, Instant};

use certrotate_core::{Input, RunId, Template};

use driver::Driver;

const ROTATIONS: u32 = 100_000;
const TICKS: u32 = 10_000_000;

fn main() {
    let mut driver = Driver::new(Template::kubelet_client("bench-node"), RunId(1));
    while driver.lives < 1 {
        driver.advance();
    }

    let (start, steps) = (Instant::now(), driver.steps);
    while driver.lives <= ROTATIONS {
        driver.advance();
    }
    let (rotations, taken) = (start.elapsed(), driver.steps - steps);

    let start = Instant::now();
    for _ in 0..TICKS {
        let _ = black_box(driver.rotator.step(driver.now, black_box(Input::Tick)));
    }
    let ticks = start.elapsed();

    println!("{:<44}{:>12}{:>10}", "what", "measured", "aim");
    println!("{:<44}{:>12}{:>10}", "a step, mean over rotations", each(rotations, taken), "200 ns");
    println!("{:<44}{:>12}{:>10}", "a tick with nothing due", each(ticks, TICKS.into()), "200 ns");
    println!(
        "{:<44}{:>12}{:>10}",
        "a whole rotation without crypto",
        each(rotations, ROTATIONS.into()),
        "5000 ns"
    );
}

fn each(total: Duration, count: u64) -> String {
    format!("{:.0} ns", total.as_nanos() as f64 / count as f64)
}
