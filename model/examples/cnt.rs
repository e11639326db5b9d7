//! scratch
use certrotate_model::disk::image::Profile;
use certrotate_model::explore::*;
use certrotate_model::scenario::Setup;
fn main() {
    let arg = |n: usize, d: u64| std::env::args().nth(n).and_then(|t| t.parse().ok()).unwrap_or(d);
    let b = Bound {
        setup: Setup::decode(arg(3, 0) as u8, 0),
        faults: arg(1, 1) as u8,
        rotations: arg(2, 2) as u8,
        settles: false,
    };
    let (mut most, mut all, mut maxch) = (0, 0u64, 0);
    let t = std::time::Instant::now();
    let mut seen = std::collections::HashSet::<u64>::new();
    let r = explore(
        b,
        |_, _| {},
        |w| {
            if !seen.insert(certrotate_model::fingerprint::of(&w.disk, w.now, 0)) {
                return;
            }
            let n = w.disk.count_images(Profile::Alice);
            all += n as u64;
            most = most.max(n);
            maxch = maxch.max(w.disk.changes());
        },
        |p| p.states < 3_000_000,
    );
    println!(
        "{:?} {} disks {} images {all} most {most} changes {maxch} {:?}",
        r.progress,
        r.complete,
        seen.len(),
        t.elapsed()
    );
}
