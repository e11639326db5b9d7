//! Two runs beside each other: the first step that differs, and the states in the end.

use certrotate_core::rotator::Rotator;
use certrotate_core::time::Now;
use certrotate_core::trace::TraceRecord;
use certrotate_model::brief;
use certrotate_model::replay::{Differs, Since, line, start, walk};
use serde_json::json;

use crate::output::{Exit, Output, Usage};
use crate::replay::{Told, violation, wake};

/// How many steps before the first that differs are shown.
const CONTEXT: usize = 3;

/// The widest left column.
const WIDEST: usize = 60;

struct Taken {
    line: String,
    phases: (String, String),
    record: TraceRecord,
}

/// Compares.
pub(crate) fn run(left: &Told, right: &Told, out: Output) -> Result<Exit, Usage> {
    let (a, a_last) = take(left)?;
    let (b, b_last) = take(right)?;
    let configured = |told: &Told| told.runs.first().map(|(header, _)| format!("{:#?}", header.config));
    let config = lines(&configured(left).unwrap_or_default(), &configured(right).unwrap_or_default());
    if !config.is_empty() {
        out.line("configurations");
        config.iter().for_each(|line| out.line(line));
    }
    // The digest stands for the configuration too: it differs from the first step on where that does.
    let same = |(a, b): (&Taken, &Taken)| {
        let (a, b) = (&a.record, &b.record);
        (a.now, &a.input, a.disposition, &a.actions, a.wake)
            == (b.now, &b.input, b.disposition, &b.actions, b.wake)
            && (!config.is_empty() || a.digest == b.digest)
    };
    let common = a.iter().zip(&b).take_while(|pair| same(*pair)).count();
    let differs = common < a.len().max(b.len());
    if differs {
        out.line(format_args!("the same for {common} steps, then step {} differs", common + 1));
        a[common.saturating_sub(CONTEXT)..common].iter().for_each(|it| out.line(&it.line));
        beside(a.get(common), b.get(common), (start(&left.runs), start(&right.runs)), out);
    } else {
        out.line(format_args!("the same for all {common} steps"));
    }
    let ends = lines(&left.state(a_last.as_ref()), &right.state(b_last.as_ref()));
    out.line(if ends.is_empty() { "the final states are the same" } else { "final states" });
    ends.iter().for_each(|line| out.line(line));
    for (name, told) in [("left", left), ("right", right)] {
        if let Some(found) = told.violation {
            out.line(format_args!("{name}: VIOLATED {}, {}", found.violation, found.when()));
        }
    }
    out.json(|| {
        json!({
            "command": "replay",
            "outcome": if differs { "differs" } else { "same" },
            "complete": true,
            "same_steps": common,
            "left": { "steps": left.steps(), "violation": violation(left.violation) },
            "right": { "steps": right.steps(), "violation": violation(right.violation) },
        })
    });
    Ok(if differs { Exit::Violated } else { Exit::Held })
}

/// Every step, and the machine after the last.
type Run = (Vec<Taken>, Option<(Rotator, TraceRecord)>);

fn take(told: &Told) -> Result<Run, Usage> {
    let (mut taken, mut last) = (Vec::new(), None);
    let begins = start(&told.runs);
    let walked = walk(&told.runs, |step| {
        taken.push(Taken {
            line: line(step.step, begins, step.before, step.record),
            phases: (step.before.view().phase.to_string(), step.after.view().phase.to_string()),
            record: step.record.clone(),
        });
        last = Some((step.after.clone(), step.record.clone()));
        true
    });
    match walked {
        Ok(()) => Ok((taken, last)),
        Err(Differs::Config(run, error)) => {
            Err(Usage(format!("the header of run {run} has a configuration that is not valid: {error}")))
        }
        Err(Differs::Step(step, _)) => Err(Usage(format!(
            "a trace differs from the machine at step {step}; replay it without --diff first"
        ))),
    }
}

/// A step of each, row by row.
fn beside(left: Option<&Taken>, right: Option<&Taken>, starts: (Now, Now), out: Output) {
    let (a, b) = (rows(left, starts.0), rows(right, starts.1));
    let width = a.iter().map(|(_, text)| text.chars().count()).max().unwrap_or_default().min(WIDEST);
    let names = if a.len() >= b.len() { &a } else { &b };
    for (index, (name, _)) in names.iter().enumerate() {
        let text =
            |rows: &[(&'static str, String)]| rows.get(index).map_or(String::new(), |row| row.1.clone());
        let (one, two) = (text(&a), text(&b));
        let sign = if one == two { '│' } else { '≠' };
        out.line(format!("{name:>12}  {one:<width$} {sign} {two}").trim_end());
    }
}

fn rows(taken: Option<&Taken>, start: Now) -> Vec<(&'static str, String)> {
    let Some(Taken { phases, record, .. }) = taken else { return vec![("step", "no more".into())] };
    let mut rows = vec![
        ("step", "this".into()),
        ("time", Since(record.now, start).to_string()),
        ("phase before", phases.0.clone()),
        ("input", brief::input(&record.input)),
        ("disposition", format!("{:?}", record.disposition)),
        ("phase after", phases.1.clone()),
        ("next tick", wake(record)),
        ("digest", format!("{:016x}", record.digest)),
    ];
    rows.extend(record.actions.iter().map(|action| ("action", brief::action(action))));
    rows
}

/// The lines of two texts that are not in both, in their order.
fn lines(left: &str, right: &str) -> Vec<String> {
    let only = |a: &str, b: &str, sign: char| -> Vec<String> {
        let other: Vec<&str> = b.lines().collect();
        a.lines().filter(|line| !other.contains(line)).map(|line| format!("{sign} {line}")).collect()
    };
    let mut all = only(left, right, '-');
    all.extend(only(right, left, '+'));
    all
}
