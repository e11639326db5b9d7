//! scratch
use certrotate_model::{brief, scenario::Scenario};
fn main() {
    let hex = std::env::args().nth(1).expect("hex");
    let bytes: Vec<u8> = hex
        .as_bytes()
        .chunks(2)
        .filter_map(|c| u8::from_str_radix(std::str::from_utf8(c).ok()?, 16).ok())
        .collect();
    let p = Scenario::decode(&bytes).play_in(
        |_, w| {
            w.traces = Some(vec![]);
            w.log = Some(Box::default());
        },
        true,
    );
    for (_, t) in p.world.traces.as_ref().expect("on") {
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
    println!("{:?} {}", p.world.violation, p.world.summary());
}
