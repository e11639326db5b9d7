//! `certrotate-model seeded`.
//!
//! The bugs are in a second build of core and model, packages of their own: the other commands run the shipped core.

mod elsewhere;

use std::collections::BTreeMap;

use certrotate_seeded_matrix::{Budget, Bug, Row, against_all};
use serde_json::{Map, Value, json};

use crate::engine::{Common, Outcome};
use crate::output::{Output, Usage, number};
use crate::progress::{Meter, Progress};

/// Build seeded bugs in, one at a time, and show which engine finds them
///
/// Every engine searches for each bug until it reports one of the invariants that the bug breaks, as the
/// table of bugs says. The tests of other crates search for theirs, which takes a checkout and cargo.
/// It is a failure if nothing finds a bug.
///
/// Bound: the tries of each engine for each bug; --deep allows forty times as many.
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Example: one bug, with ten seeds
  certrotate-model seeded --bug B29 --seeds 10"
)]
pub(crate) struct Args {
    /// Only this bug; may be given more than once
    #[arg(long, value_name = "NAME", value_parser = bug)]
    bug: Vec<String>,
    /// The first seed
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// How many seeds, one after the other
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
    /// Try forty times as much
    #[arg(long)]
    deep: bool,
    /// Only the engines of this program, without the tests of other crates
    #[arg(long)]
    engines_only: bool,
    /// How many threads; as many as there are processors, if not given
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    #[command(flatten)]
    pub(crate) common: Common,
}

fn bug(name: &str) -> Result<String, String> {
    match Bug::parse(name) {
        Some(_) => Ok(name.to_owned()),
        None => Err("seeded/bugs/src/table.rs lists the bugs; B29 is one".to_owned()),
    }
}

/// Searches for all requested bugs.
pub(crate) fn run(args: &Args, meter: &mut Meter, out: Output) -> Result<Outcome, Usage> {
    out.line(format_args!("seeds {} to {}", args.seed, args.seed.saturating_add(args.seeds - 1)));
    let is_wanted = |bug: &Bug| args.bug.is_empty() || args.bug.iter().any(|name| name == bug.name());
    let mut bugs = Vec::new();
    let tested = if args.engines_only { Vec::new() } else { elsewhere::find(is_wanted)? };
    for it in tested {
        out.line(&it);
        bugs.push(it.json());
    }
    let wanted: Vec<Bug> = Bug::of_engines().filter(is_wanted).collect();
    let (rows, complete) = search(args, &wanted, meter, out);
    let elsewhere_lost = bugs.iter().filter(|it| it["found"] == json!(false)).count();
    let counted = Counted::of(&rows);
    bugs.extend(wanted.iter().map(|bug| row_json(*bug, &rows)));
    let survivors: Vec<Value> =
        bugs.iter().filter(|it| it["found"] == json!(false)).map(|it| it["bug"].clone()).collect();
    let looked_for = bugs.len();
    let mut texts = counted.lines();
    texts.push(match survivors.len() {
        0 => format!("all {looked_for} bugs are found"),
        _ => format!("NOT found: {}", Value::Array(survivors.clone())),
    });
    let failed = !survivors.is_empty() && (complete || elsewhere_lost > 0);
    let mut fields = counted.fields();
    fields.insert("bugs".into(), bugs.into());
    fields.insert("survivors".into(), survivors.into());
    fields.insert("seed".into(), args.seed.into());
    fields.insert("seeds".into(), args.seeds.into());
    Ok(Outcome { complete, lines: texts, fields, found: None, failed })
}

/// Searches for all bugs with all seeds, as many at a time as there are threads.
fn search(args: &Args, bugs: &[Bug], meter: &mut Meter, out: Output) -> (Vec<Row>, bool) {
    let budget = if args.deep { Budget::deep() } else { Budget::default() };
    let threads = args.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let seeds = args.seed..args.seed.saturating_add(args.seeds);
    let all: Vec<(u64, Bug)> = seeds.flat_map(|seed| bugs.iter().map(move |bug| (seed, *bug))).collect();
    let mut rows = Vec::new();
    for (done, some) in all.chunks(threads.max(1)).enumerate() {
        let done = (done * threads) as u64;
        let progress = Progress { done, all: Some(all.len() as u64), unit: "searches for a bug" };
        if !meter.go_on(progress) {
            return (rows, false);
        }
        let found: Vec<Row> = std::thread::scope(|scope| {
            let searches: Vec<_> = some
                .iter()
                .map(|(seed, bug)| scope.spawn(|| against_all(*bug, *seed, budget).collect::<Vec<_>>()))
                .collect();
            searches.into_iter().flat_map(|it| it.join().unwrap_or_default()).collect()
        });
        meter.clear();
        for row in found {
            if row.found.is_some() {
                out.line(&row);
            }
            rows.push(row);
        }
    }
    (rows, true)
}

/// One bug as JSON: which engine found it with which seed, under which invariant, how fast.
fn row_json(bug: Bug, rows: &[Row]) -> Value {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.bug == bug).collect();
    let found = rows.iter().filter_map(|row| {
        let found = row.found.as_ref()?;
        Some(json!({
            "engine": row.engine.name(),
            "seed": row.seed,
            "invariant": found.violation.id,
            "sentence": found.violation.sentence,
            "seconds": row.seconds,
            "tries": row.tries,
            "inputs": found.scenario.transitions.len(),
            "hex": found.scenario.hex(),
        }))
    });
    let found: Vec<Value> = found.collect();
    json!({
        "bug": bug.name(),
        "sentence": bug.sentence(),
        "breaks": bug.breaks(),
        "found": !found.is_empty(),
        "finds": found,
    })
}

/// What the rows say all in all.
struct Counted {
    searches: usize,
    found: usize,
    by_two: usize,
    /// Of the fastest engine, for each bug and seed.
    median: f64,
    slowest: f64,
    short: f64,
}

impl Counted {
    fn of(rows: &[Row]) -> Self {
        let mut searches: BTreeMap<(u64, &str), Vec<f64>> = BTreeMap::new();
        for row in rows {
            let seconds = searches.entry((row.seed, row.bug.name())).or_default();
            seconds.extend(row.found.as_ref().map(|_| row.seconds));
        }
        let fastest = |seconds: &Vec<f64>| seconds.iter().copied().min_by(f64::total_cmp);
        let mut times: Vec<f64> = searches.values().filter_map(fastest).collect();
        times.sort_by(f64::total_cmp);
        let transitions: Vec<usize> = rows.iter().filter_map(Row::transitions).collect();
        let short = transitions.iter().filter(|transitions| **transitions <= 8).count();
        Self {
            searches: searches.len(),
            found: times.len(),
            by_two: searches.values().filter(|seconds| seconds.len() > 1).count(),
            median: times.get(times.len() / 2).copied().unwrap_or_default(),
            slowest: times.last().copied().unwrap_or_default(),
            short: short as f64 / (transitions.len().max(1)) as f64,
        }
    }

    fn lines(&self) -> Vec<String> {
        let Self { searches, found, by_two, median, slowest, short } = self;
        let count = |it: &usize| number(*it as u64);
        vec![
            format!(
                "{} of {} searches found it, {} by two engines or more",
                count(found),
                count(searches),
                count(by_two)
            ),
            format!("the fastest engine took {median:.3} s at the median and {slowest:.3} s at most"),
            format!("{:.1} % of the reduced scenarios have eight transitions or fewer", short * 100.0),
        ]
    }

    fn fields(&self) -> Map<String, Value> {
        let value = json!({
            "searches": self.searches,
            "found": self.found,
            "found_by_two_engines": self.by_two,
            "median_seconds": self.median,
            "slowest_seconds": self.slowest,
            "short_scenarios": self.short,
        });
        match value {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}
