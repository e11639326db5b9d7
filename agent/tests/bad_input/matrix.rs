//! Every start that can fail, in one table: content of the directory × state of the bootstrap
//! kubeconfig × state of the disk. Each cell has the messages, the effects, and the exit status of
//! `run --once`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use certrotate::kubeconfig::{self, Kubeconfig};
use certrotate_controlplane::Handle;
use futures_util::StreamExt as _;

use crate::bench::{Bench, Outcome, program};
use crate::identity::put;

const HOUR: Duration = Duration::from_secs(3600);
/// How many cells are tried at a time: they mostly wait.
const AT_A_TIME: usize = 8;

const COLD: [&str; 6] = ["none", "valid", "expired", "corrupt", "future", "foreign"];
const BOOTSTRAP: [&str; 4] = ["ok", "expired", "missing", "replaced later"];
const DISK: [&str; 5] = ["ok", "full", "read-only", "locked", "unsafe"];

/// One start.
#[derive(Clone, Copy, Debug)]
struct Cell {
    cold: &'static str,
    bootstrap: &'static str,
    disk: &'static str,
}

impl Cell {
    fn all() -> impl Iterator<Item = Self> {
        DISK.into_iter().flat_map(|disk| {
            COLD.into_iter().flat_map(move |cold| {
                BOOTSTRAP.into_iter().map(move |bootstrap| Self { cold, bootstrap, disk })
            })
        })
    }

    /// Whether it needs mounts of its own.
    fn mounts(self) -> bool {
        matches!(self.disk, "full" | "read-only")
    }
}

/// Prepares the directory as an earlier run or another program leaves it.
fn prepare(bench: &Bench, other: &Handle, cold: &str) -> Option<Vec<u8>> {
    fs::DirBuilder::new().mode(0o700).create(bench.path("pki")).expect("the scratch is writable");
    if cold == "none" {
        return None;
    }
    let bootstrap = bench.plane.bootstrap_kubeconfig_path().expect("it has a directory");
    let source = Kubeconfig::read(&bootstrap).expect("it is good");
    let link = bench.path("pki/kubelet-client-current.pem");
    kubeconfig::ensure(&bench.path("kubeconfig"), &link, &source).expect("the scratch is writable");
    let now = SystemTime::now();
    let valid = (now - HOUR, now + 9 * HOUR, now - HOUR);
    Some(match cold {
        "expired" => put(&bench.path("pki"), &bench.plane, (now - 2 * HOUR, now - HOUR, now - 2 * HOUR)),
        "future" => put(&bench.path("pki"), &bench.plane, (now + HOUR, now + 10 * HOUR, now)),
        "foreign" => put(&bench.path("pki"), other, valid),
        "corrupt" => {
            let bytes = put(&bench.path("pki"), &bench.plane, valid);
            fs::write(bench.bundle(), &bytes[..bytes.len() / 2]).expect("it is ours");
            bytes[..bytes.len() / 2].to_vec()
        }
        _ => put(&bench.path("pki"), &bench.plane, valid),
    })
}

fn bootstrap(bench: &Bench, kind: &str) {
    let good = bench.plane.bootstrap_kubeconfig();
    let ended = bench.plane.add_bootstrap_token(Duration::ZERO).expect("it is made");
    let text = match kind {
        "ok" => good.to_owned(),
        "missing" => return,
        _ => good.replace(bench.plane.bootstrap_token(), &ended),
    };
    fs::write(bench.path("bootstrap"), text).expect("the scratch is writable");
}

/// The program, in a shell that first makes the disk what it is to be.
async fn start(bench: &Bench, cell: Cell) -> Outcome {
    // A run that gets a certificate needs a long time-out; the others end with the time-out. A held
    // identity is an hour from valid, and the agent makes no request before that.
    let asks = cell.disk == "ok" && cell.cold != "future";
    let timeout = if asks && cell.bootstrap == "replaced later" { "40s" } else { "3s" };
    let ca = bench.plane.dir().expect("it has a directory").join("ca.crt");
    let run = format!(
        "{} run --once --timeout {timeout} --node-name node-1 --cert-dir pki --kubeconfig kubeconfig --bootstrap-kubeconfig bootstrap --client-ca-file {}",
        env!("CARGO_BIN_EXE_certrotate"),
        ca.display()
    );
    let (shell, script) = match cell.disk {
        "full" => {
            let fill = "cp -a pki full; mount -t tmpfs -o size=64k,mode=0700 none pki; cp -a full/. pki; \
                        head -c 1000000 /dev/zero > pki/ballast 2>&-";
            ("unshare", format!("{fill}; {run}; status=$?; rm pki/ballast; cp -a pki after; exit $status"))
        }
        "read-only" => {
            ("unshare", format!("mount --bind pki pki && mount -o remount,bind,ro pki && exec {run}"))
        }
        _ => ("sh", format!("exec {run}")),
    };
    let args: &[&str] = if shell == "sh" { &["-c", &script] } else { &["-rm", "sh", "-c", &script] };
    let lock = fs::File::open(bench.path("pki")).expect("it is there");
    match cell.disk {
        "locked" => lock.lock().expect("no process holds it"),
        "unsafe" => {
            let wide = fs::Permissions::from_mode(0o777);
            fs::set_permissions(bench.path("pki"), wide).expect("it is ours");
        }
        _ => {}
    }
    let running = program(shell, args, bench.dir.path());
    let replacing = async {
        if cell.bootstrap == "replaced later" {
            while bench.plane.stats().unauthorized == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            bootstrap(bench, "ok");
        }
        std::future::pending().await
    };
    let output = tokio::select! {
        output = running => output,
        () = replacing => unreachable!("it waits for ever"),
    };
    Outcome::new(output, bench)
}

/// Returns the state afterwards: the target of the current link, and the kinds of the files.
fn after(directory: &Path, before: Option<&[u8]>) -> String {
    let live = fs::read(directory.join("kubelet-client-current.pem")).ok();
    let live = match (live.as_deref(), before) {
        (None, _) => "nothing is live",
        (Some(now), Some(before)) if now == before => "the current link is unchanged",
        (Some(_), _) => "a new certificate is live",
    };
    let mut kinds = BTreeMap::<&str, u32>::new();
    for entry in fs::read_dir(directory).expect("it is there") {
        let name = entry.expect("it can be read").file_name().into_string().expect("text");
        let kind = match name.strip_prefix("kubelet-client-").expect("nothing but ours") {
            "current.pem" => continue,
            rest if rest.starts_with("pending-") => "pending",
            rest if rest.starts_with("quarantine-") => "quarantined",
            rest if rest.starts_with("tmp-") => "temporary",
            _ => "bundle",
        };
        *kinds.entry(kind).or_default() += 1;
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    if kinds.is_empty() { format!("{live}; no file") } else { format!("{live}; {}", kinds.join(", ")) }
}

/// The outcome of a cell, as text.
async fn outcome(cell: Cell) -> String {
    let (bench, other) = (Bench::new().await, Bench::new().await);
    let before = prepare(&bench, &other.plane, cell.cold);
    bootstrap(&bench, cell.bootstrap);
    let seen = start(&bench, cell).await;
    let place = if cell.disk == "full" { bench.path("after") } else { bench.path("pki") };
    let mut text = seen.trouble();
    let requests = bench.plane.stats().csrs_created;
    let stays = place.exists();
    let after = if stays { after(&place, before.as_deref()) } else { "nothing was begun".into() };
    write!(text, "\n{after}; requests made: {requests}").expect("a string takes everything");
    text
}

/// Without times and the random id of the bootstrap token; and how often something is tried, and with it the number of a
/// temporary name, is a matter of time.
fn settled(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut before = "";
        let words = line.split(' ').map(|word| {
            let bare = word.trim_end_matches([';', ',', ':']);
            let follows_token = std::mem::replace(&mut before, word) == "token";
            if follows_token && bare.len() == 6 {
                word.replace(bare, "ID")
            } else if bare.len() == 20 && bare.starts_with("20") && bare.ends_with('Z') {
                word.replace(bare, "TIME")
            } else if let Some((start, rest)) = word.split_once("-tmp-") {
                let end = rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
                format!("{start}-tmp-G.N{end}")
            } else {
                word.to_owned()
            }
        });
        let line = words.collect::<Vec<_>>().join(" ");
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Whether this user may have mounts of its own.
async fn has_mounts() -> bool {
    program("unshare", &["-rm", "mount", "-t", "tmpfs", "none", "/mnt"], Path::new("/"))
        .await
        .status
        .success()
}

#[tokio::test]
async fn f08_cold_start_matrix_is_as_documented() {
    let mounts = has_mounts().await;
    let cells = Cell::all().filter(|cell| mounts || !cell.mounts());
    let outcomes = futures_util::stream::iter(cells)
        .map(|cell| async move { (cell, settled(&outcome(cell).await)) })
        .buffered(AT_A_TIME)
        .collect::<Vec<_>>();
    let outcomes = outcomes.await;

    // What many cells have in common is said once, in the order of the first of them.
    let mut groups: Vec<(String, Vec<Cell>)> = Vec::new();
    for (cell, text) in outcomes {
        match groups.iter_mut().find(|(known, _)| *known == text) {
            Some((_, cells)) => cells.push(cell),
            None => groups.push((text, vec![cell])),
        }
    }
    let mut table = String::from("cold start × bootstrap × disk\n");
    for (text, cells) in &groups {
        for cell in cells {
            write!(table, "\n{} × {} × {}", cell.cold, cell.bootstrap, cell.disk).expect("a string");
        }
        write!(table, "\n    {}\n", text.replace('\n', "\n    ")).expect("a string");
    }
    if mounts {
        insta::assert_snapshot!("matrix", table);
    } else {
        let stderr = "NOT RUN: the columns full and read-only; they need unshare(1) with mounts of one's own";
        eprintln!("{stderr}");
        insta::assert_snapshot!("matrix_without_mounts", table);
    }
}
