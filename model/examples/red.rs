//! scratch
use certrotate_model::simulate::*;
use certrotate_model::{brief, reduce::reduce};
fn main() {
    let seed: u64 = std::env::args().nth(1).unwrap().parse().unwrap();
    let events: usize = std::env::args().nth(2).and_then(|t| t.parse().ok()).unwrap_or(200);
    let sc = scenario(seed, events);
    let fails = |s: &certrotate_model::scenario::Scenario| {
        let p = s.play();
        p.world.violation.map(|v| (v, p.events))
    };
    let s = reduce(&sc, fails);
    println!("{}{s}{}", fails(&s).unwrap().0, s.hex());
    let p = s.play_in(
        |_, w| {
            w.traces = Some(vec![]);
            w.log = Some(Box::default());
        },
        true,
    );
    for (_, t) in p.world.traces.as_ref().unwrap() {
        println!("-- run");
        for r in t {
            println!(
                "{:>12} w{} {} -> {:?} {:?}",
                r.now.mono.ms(),
                r.now.wall.unix_ms() - 1767225600000,
                brief::input(&r.input),
                r.disposition,
                r.actions.iter().map(brief::action).collect::<Vec<_>>()
            );
        }
    }
    println!("{}", p.world.summary());
}
