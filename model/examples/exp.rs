//! scratch
use certrotate_model::explore::*;
use certrotate_model::scenario::Setup;
fn main() {
    let arg = |n: usize, d: u64| std::env::args().nth(n).and_then(|t| t.parse().ok()).unwrap_or(d);
    let b = Bound {
        setup: Setup::decode(arg(3, 0) as u8, 0),
        faults: arg(1, 1) as u8,
        rotations: arg(2, 2) as u8,
        settles: arg(4, 1) == 1,
    };
    println!(
        "world {} disk {} spec {} ghost {} node {} server {} asked {} late {}",
        size_of::<certrotate_model::World>(),
        size_of::<certrotate_model::Disk>(),
        size_of::<certrotate_model::spec::Spec>(),
        size_of::<certrotate_model::ghost::Ghost>(),
        size_of::<certrotate_core::rotator::Rotator>(),
        size_of::<certrotate_model::Server>(),
        6 * size_of::<certrotate_model::world::Asked>(),
        3 * size_of::<certrotate_model::world::Answer>()
    );
    let t = std::time::Instant::now();
    let r = explore(b, |_, _| {}, |_| {}, |p| p.states < 4_000_000);
    let e = t.elapsed().as_secs_f64();
    println!(
        "{:?} complete {} {:.1}s {:.0} states/s {:.0} transitions/s",
        r.progress,
        r.complete,
        e,
        r.progress.states as f64 / e,
        (r.progress.transitions + r.progress.settling) as f64 / e
    );
    if let Some((s, v)) = r.found {
        println!("{v}\n{s}{}", s.hex());
    }
}
