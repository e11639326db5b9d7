//! scratch
use certrotate_model::disk::image::Profile;
use certrotate_model::explore::*;
use certrotate_model::scenario::Setup;
fn main() {
    let arg = |n: usize, d: u64| std::env::args().nth(n).and_then(|t| t.parse().ok()).unwrap_or(d);
    let b = Bound {
        setup: Setup::decode(arg(4, 0) as u8, 0),
        faults: arg(1, 1) as u8,
        rotations: arg(2, 2) as u8,
        settles: false,
    };
    let t = std::time::Instant::now();
    let most = arg(6, 600);
    let r = certrotate_model::crash::enumerate(
        b,
        |_, _| {},
        arg(3, 2) as u8,
        Profile::ALL[arg(5, 0) as usize],
        |_| t.elapsed().as_secs() < most,
    );
    let e = t.elapsed().as_secs_f64();
    println!(
        "{}\ncomplete {} {e:.2}s {:.0} images/s {:.0} recoveries/s {:.0} ran/s {:.0} steps/s",
        r.progress,
        r.complete,
        r.progress.images() as f64 / e,
        r.progress.recoveries() as f64 / e,
        r.progress.ran() as f64 / e,
        r.progress.steps as f64 / e
    );
    if let Some((s, v)) = r.found {
        println!("{}", s.hex());
        println!("{v}\n{s}");
        let p = s.play();
        println!("again: {:?} at {} of {}", p.world.violation, p.events, s.events.len());
    }
}
