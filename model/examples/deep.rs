//! scratch
use certrotate_model::explore::*;
use certrotate_model::scenario::Setup;
fn main() {
    let b = Bound { setup: Setup::decode(1, 0), faults: 2, rotations: 2, settles: false };
    let mut n = 0;
    let _ = explore(
        b,
        |_, w| w.traces = None,
        |w| {
            if w.steps > 700 && n < 12 {
                n += 1;
                println!(
                    "{} asked {:?}\n  last {:?}",
                    w.summary(),
                    w.asked.iter().map(|a| format!("{:?}", a.what)).collect::<Vec<_>>(),
                    w.node.as_ref().map(|n| n.wake())
                );
            }
        },
        |p| p.depth < 1200,
    );
}
