//! scratch
use certrotate_model::simulate::*;
fn main() {
    let arg = |n: usize, d: u64| std::env::args().nth(n).and_then(|t| t.parse().ok()).unwrap_or(d);
    let (first, count, events) = (arg(1, 1), arg(2, 1000), arg(3, 200));
    let begun = std::time::Instant::now();
    let mut by: std::collections::BTreeMap<String, (u64, u64, usize)> = Default::default();
    let (mut steps, mut rot) = (0, 0);
    for seed in first..first + count {
        let (s, p) = run(Plan { seed, events: events as usize }, seed);
        steps += p.world.steps;
        rot += p.world.marks.as_ref().unwrap().live;
        if let Some(v) = p.world.violation {
            let e = by.entry(v.to_string()).or_insert((0, seed, p.events));
            e.0 += 1;
            if p.events < e.2 {
                e.1 = seed;
                e.2 = p.events
            }
            let _ = s;
        }
    }
    let t = begun.elapsed().as_secs_f64();
    println!("{count} runs {steps} steps {:.0}/s live {rot} {:.0}/s", steps as f64 / t, rot as f64 / t);
    for (k, v) in by {
        println!("{:>6} seed {:>6} events {:>4}  {k}", v.0, v.1, v.2);
    }
}
