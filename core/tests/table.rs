//! The transition table: every situation that a set of runs gets into, times every input.
//!
//! The table is a snapshot and the page `docs/states.md`, so that a change of behaviour is a reviewed
//! diff. To accept one: `CERTROTATE_BLESS=1 INSTA_UPDATE=always cargo test -p certrotate-core --test table`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use certrotate_core::api::{ApiFault, Call, CsrObject, Issued};
use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::disk::{DiskCommand, DiskDone, DiskFault, Name};
use certrotate_core::facts::San;
use certrotate_core::id::{FileNumber, Generation, KeyDigest, KeyHandle, OpId, RequestDigest, RunId};
use certrotate_core::input::{Disposition, Input, KeyFault, MadeKey};
use certrotate_core::time::{Now, Span, WallTime};
use certrotate_model::brief;
use certrotate_model::cert::Flaw;
use certrotate_model::disk::{Fault, File, Kind};
use certrotate_model::server::{Approver, Bad, Object};
use certrotate_model::world::{Asked, What, World};

const UNKNOWN: OpId = OpId { run: RunId(99), seq: 99 };

type Edit = (&'static str, fn(&mut ConfigSpec));

/// What is changed in a configuration.
const EDITS: [Edit; 4] = [
    ("nothing", |_| {}),
    ("the seed", |spec| spec.seed += 1),
    ("one name more", |spec| spec.template.sans.push(San::Dns("n.example".into()))),
    ("another subject", |spec| spec.template.subject.common_name.push('2')),
];

fn world() -> World {
    World::new(Config::new(ConfigSpec::new(Template::node_client("n"))).expect("the template is complete"))
}

/// What the machine is in, in words: the row of the table.
fn situation(world: &World) -> Option<String> {
    let node = world.node.as_ref()?;
    let view = node.view();
    let live = match (view.serving, view.identity) {
        (true, _) => "serving",
        (false, Some(_)) => "held",
        (false, None) => "none live",
    };
    let waiting: Vec<String> = world
        .asked
        .iter()
        .map(|asked| match asked.what {
            What::Disk(command) => described(&command),
            What::Key(_) | What::Call(..) => brief::action(&asked.action()),
        })
        .collect();
    let waiting = if waiting.is_empty() { "nothing".into() } else { waiting.join(" and ") };
    Some(format!("{} ({live}), waiting for: {}", view.phase, waiting))
}

/// The kind of a command and the kinds of its names, so that generations make no rows of their own.
fn described(command: &DiskCommand) -> String {
    let text = brief::command(command);
    let words: Vec<String> = text
        .split(' ')
        .map(|word| match word.split('-').next() {
            Some(kind @ ("tmp" | "pending" | "quarantine")) => kind.to_owned(),
            Some(year) if year.len() == 4 && year.chars().all(|it| it.is_ascii_digit()) => {
                "bundle".to_owned()
            }
            Some(_) | None => word.to_owned(),
        })
        .collect();
    words.join(" ")
}

type Rows = BTreeMap<(certrotate_core::view::Phase, String), World>;

/// Collects the situations of a run, each where it is first met.
fn collect(rows: &mut Rows, mut world: World, steps: usize) {
    for step in 0..steps {
        if step == 0 {
            world.load();
        }
        if let (Some(text), Some(node)) = (situation(&world), &world.node) {
            rows.entry((node.view().phase, text)).or_insert_with(|| world.clone());
        }
        if step == 0 {
            world.give(Input::Tick);
        } else if !world.advance() {
            return;
        }
    }
}

fn runs() -> Rows {
    let mut rows = Rows::new();
    collect(&mut rows, world(), 60);
    for (approver, bad) in [
        (Approver::Absent, None),
        (Approver::Denies, None),
        (Approver::Auto, Some(Bad::Flawed(Flaw::Chain))),
        (Approver::NoSigner, None),
    ] {
        let mut world = world();
        (world.server.approver, world.server.bad) = (approver, bad);
        collect(&mut rows, world, 30);
    }
    let mut unreachable = world();
    unreachable.server.outage = Some(ApiFault::Unreachable);
    collect(&mut rows, unreachable, 20);
    for kind in [Kind::Lock, Kind::Scan, Kind::Create, Kind::Rename, Kind::SyncDir] {
        let mut failing = world();
        failing.disk.faults.push(Fault { after: 1, times: 2, kind, fault: DiskFault::Io });
        collect(&mut rows, failing, 50);
    }
    let mut littered = world();
    littered.start();
    littered.run_until("a certificate", |world| world.served().is_some());
    let (generation, file) = (Generation(1), FileNumber(9));
    littered.disk.plant(Name::Temporary { generation, file }, File::Torn);
    littered.disk.plant(Name::Pending { generation: Generation(7), file }, File::Garbage);
    littered.disk.plant(Name::Current, File::Garbage);
    littered.kill();
    collect(&mut rows, littered, 40);
    let mut early = world();
    early.start();
    early.run_until("a certificate", |world| world.served().is_some());
    early.now.wall = WallTime::from_unix_ms(early.now.wall.unix_ms() - 3_600_000);
    early.give(Input::Tick);
    if let (Some(text), Some(node)) = (situation(&early), &early.node) {
        rows.entry((node.view().phase, text)).or_insert_with(|| early.clone());
    }
    let mut ended = world();
    ended.start();
    let mut node = ended.node.clone().expect("it runs");
    let _ = node.step(ended.now, Input::Shutdown);
    let locked = ended.asked.first().expect("it waits for the lock").op;
    let _ = node.step(ended.now, Input::DiskAnswered { op: locked, result: Ok(DiskDone::Done) });
    ended.asked.clear();
    ended.node = Some(node);
    rows.insert(
        (certrotate_core::view::Phase::Ended, "ended (none live), waiting for: nothing".into()),
        ended,
    );
    rows
}

/// Every input worth a row in a situation, with a word for those that need one.
fn inputs(world: &World) -> Vec<(String, Now, Input)> {
    let now = world.now;
    let mut all = vec![("tick".to_owned(), now, Input::Tick)];
    if let Some(wake) = world.node.as_ref().map(|node| node.wake()) {
        let waits = [wake.mono.map(|mono| mono.since(now.mono)), wake.wall.map(|wall| wall.since(now.wall))];
        if let Some(wait) = waits.into_iter().flatten().min().filter(|wait| *wait > Span::ZERO) {
            let then = Now { wall: now.wall.plus(wait), mono: now.mono.plus(wait) };
            all.push(("tick at the deadline".to_owned(), then, Input::Tick));
        }
    }
    if let Some(end) = world.served_facts().map(|facts| facts.not_after) {
        all.push(("tick at the end of the live identity".to_owned(), Now { wall: end, ..now }, Input::Tick));
    }
    let answers = world.asked.iter().flat_map(|asked| answers(world, asked));
    all.extend(answers.map(|(text, input)| (text, now, input)));
    for input in [
        Input::DiskAnswered { op: UNKNOWN, result: Ok(DiskDone::Done) },
        Input::KeyMade { op: UNKNOWN, result: Err(KeyFault::Failed) },
        Input::CallAnswered { op: UNKNOWN, result: Err(ApiFault::NotFound) },
    ] {
        all.push((format!("unknown answer, {}", brief::input(&input)), now, input));
    }
    all.extend([Input::RotateNow, Input::Shutdown].map(|input| (brief::input(&input), now, input)));
    for (words, change) in EDITS {
        let mut spec = world.config.spec().clone();
        change(&mut spec);
        let config = Config::new(spec).expect("what is changed stays valid");
        all.push((format!("reconfigure: {words}"), now, Input::Reconfigure(config)));
    }
    all
}

fn answers(world: &World, asked: &Asked) -> Vec<(String, Input)> {
    let op = asked.op;
    let inputs: Vec<Input> = match asked.what {
        What::Disk(DiskCommand::Scan) => {
            let scanned = Ok(DiskDone::Scanned(Box::new(world.inventory())));
            [scanned, Err(DiskFault::Io), Ok(DiskDone::Done)]
                .map(|result| Input::DiskAnswered { op, result })
                .into()
        }
        What::Disk(DiskCommand::Lock) => {
            [Ok(DiskDone::Done), Err(DiskFault::Locked), Err(DiskFault::Unsafe), Err(DiskFault::Io)]
                .map(|result| Input::DiskAnswered { op, result })
                .into()
        }
        What::Disk(_) => [Ok(DiskDone::Done), Err(DiskFault::NoSpace)]
            .map(|result| Input::DiskAnswered { op, result })
            .into(),
        What::Key(_) => {
            let made = MadeKey {
                key: KeyHandle(900),
                key_digest: KeyDigest([9; 32]),
                request: RequestDigest([9; 32]),
            };
            [Ok(made), Err(KeyFault::Failed)].map(|result| Input::KeyMade { op, result }).into()
        }
        What::Call(call, _) => {
            calls(world, &call).into_iter().map(|result| Input::CallAnswered { op, result }).collect()
        }
    };
    inputs.into_iter().map(|input| (brief::input(&input), input)).collect()
}

fn calls(world: &World, call: &Call) -> Vec<Result<CsrObject, ApiFault>> {
    let mut world = world.clone();
    let request = RequestDigest([1; 32]);
    let server = &mut world.server;
    server.objects.clear();
    (server.approver, server.bad, server.outage) = (Approver::Auto, None, None);
    let keys = world.disk.names().filter_map(|name| match world.disk.read(name)? {
        File::Bundle(bundle) => Some(bundle.key),
        File::Pending(pending) => Some(pending.key),
        File::Empty | File::Torn | File::Link(_) | File::ForeignLink | File::Garbage | File::Directory => {
            None
        }
    });
    let object = Object {
        request,
        key: keys.last().unwrap_or_default(),
        template: 0,
        foreign_signer: false,
        foreign_usages: false,
        approved: false,
        denied: false,
        failed: false,
        issue: None,
        made: world.now.wall,
        given_up: false,
    };
    let _ = server.create(object, None, world.now.wall);
    let Some(issued) = server.find(request).copied() else { return Vec::new() };
    let issued = world.object(&issued);
    let pending = CsrObject { certificate: None, approved: false, ..issued.clone() };
    let mut results = vec![
        Ok(pending.clone()),
        Ok(CsrObject { denied: true, ..pending.clone() }),
        Ok(CsrObject { failed: true, ..pending.clone() }),
        Ok(CsrObject { certificate: Some(Issued::Unreadable), approved: true, ..pending.clone() }),
        Ok(issued),
        Ok(CsrObject { key: None, ..pending }),
    ];
    results.extend(
        [
            ApiFault::Unreachable,
            ApiFault::Unauthorized,
            ApiFault::NotFound,
            ApiFault::AlreadyExists,
            ApiFault::TooManyRequests { retry_after: Some(Span::from_hours(24 * 3650)) },
            ApiFault::WatchEnded,
        ]
        .map(Err),
    );
    if !matches!(call, Call::Watch { .. }) {
        results.pop();
    }
    results
}

fn table() -> String {
    let mut text = String::new();
    for ((_, situation), world) in runs() {
        let _ = write!(text, "\n### {situation}\n\n| input | next | actions |\n| --- | --- | --- |\n");
        for (words, now, input) in inputs(&world) {
            let mut node = world.node.clone().expect("only running nodes are collected");
            let step = node.step(now, input);
            let next = match step.disposition {
                Disposition::Applied => node.view().phase.to_string(),
                Disposition::Ignored(why) => format!("ignored: {why:?}"),
            };
            let actions: Vec<String> = step.actions.iter().map(brief::action).collect();
            let _ = writeln!(text, "| {words} | {next} | {} |", actions.join("; "));
        }
    }
    text
}

#[test]
fn the_transition_table_is_as_reviewed_and_the_page_shows_it() {
    let table = table();
    let page = format!(
        "# What the machine does in every situation\n\n\
         Made by `core/tests/table.rs`; do not edit. Each heading is a situation: the phase, what is live, and\n\
         what is outstanding. Each row is an input, the phase after it (or why it is ignored) and what is asked for.\n{table}"
    );
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/states.md");
    if std::env::var_os("CERTROTATE_BLESS").is_some() {
        std::fs::write(path, &page).expect("docs/ can be written");
    }
    insta::assert_snapshot!("transitions", table);
    let shown = std::fs::read_to_string(path).unwrap_or_default();
    assert!(shown == page, "docs/states.md is out of date; run this test with CERTROTATE_BLESS=1");
}

#[test]
fn ignored_input_changes_nothing_except_the_clock() {
    for ((_, situation), world) in runs() {
        for (words, now, input) in inputs(&world) {
            let mut node = world.node.clone().expect("only running nodes are collected");
            let mut ticked = node.clone();
            let step = node.step(now, input);
            if matches!(step.disposition, Disposition::Ignored(_)) && step.actions.is_empty() {
                let _ =
                    ticked.step(now, Input::CallAnswered { op: UNKNOWN, result: Err(ApiFault::NotFound) });
                assert_eq!(node, ticked, "{situation}: {words}");
            }
        }
    }
}
