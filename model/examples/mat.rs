//! scratch
use certrotate_model::seeded::*;
fn main() {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let begun = std::time::Instant::now();
    for (mistake, breaks) in TABLE {
        if !names.is_empty() && !names.iter().any(|n| n == mistake.name()) {
            continue;
        }
        for engine in Engine::ALL {
            let row = search(*mistake, breaks, engine, 0, Budget::default());
            println!("{row}");
            if !names.is_empty()
                && let Some(f) = &row.found
            {
                println!("{}", f.scenario);
            }
        }
    }
    println!("{:?}", begun.elapsed());
}
