//! S11: no output has a part of a key. The test searches the most verbose log of the program, the
//! log of other crates below it, `Debug` of core's inputs and actions, and the trace.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use certrotate::driver::ObservedStep;
use certrotate::node::{Node, NodeOptions};
use certrotate_controlplane::{ControlPlane, Handle, Options};
use certrotate_core::input::Action;
use certrotate_core::trace::TraceRecord;
use tracing_subscriber::fmt::MakeWriter;

/// The length of the searched parts of a key, in bytes. The parts are adjacent, so any twice as
/// long piece of a key contains one.
const PART: usize = 8;
/// The private number of a P-256 key.
const SCALAR: usize = 32;

/// The private numbers in all files of a directory; ours are all PKCS#8 in PEM.
fn keys_in(directory: &Path) -> BTreeSet<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(directory) else { return BTreeSet::new() };
    entries.flatten().filter_map(|entry| scalar(&std::fs::read_to_string(entry.path()).ok()?)).collect()
}

fn scalar(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN PRIVATE KEY-----")?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    let der = STANDARD.decode(body.split_whitespace().collect::<String>()).ok()?;
    // ECPrivateKey (RFC 5915): version 1, then the number as an octet string.
    let before = [2, 1, 1, 4, 32];
    let at = der.windows(before.len()).position(|window| window == before)? + before.len();
    der.get(at..at + SCALAR).map(<[u8]>::to_vec)
}

/// The forms in which bytes show up in text, each without what depends on their neighbours.
fn forms(part: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = part.iter().map(|byte| format!("{byte:02x}")).collect();
    let decimal = part.iter().map(u8::to_string).collect::<Vec<_>>();
    let mut forms = vec![
        part.to_vec(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        decimal.join(", ").into_bytes(),
        decimal.join(",").into_bytes(),
    ];
    // In base64 a byte's letters depend on its place modulo three.
    for skip in 0..3 {
        let aligned = &part[skip..part.len() - (part.len() - skip) % 3];
        forms.push(STANDARD_NO_PAD.encode(aligned).into_bytes());
    }
    forms
}

/// Bytes as text in which they can be searched for fast, whatever they are.
fn latin(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().map(char::from).collect()
}

/// Where any part of any key is in the text, in whatever form: what stands before it.
fn leak(text: &[u8], keys: &BTreeSet<Vec<u8>>) -> Option<String> {
    // Line breaks and wrapping do not hide a key.
    let texts = [
        latin(text.iter().copied()),
        latin(text.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r'))),
    ];
    for form in keys.iter().flat_map(|key| key.chunks_exact(PART)).flat_map(forms) {
        let form = latin(form);
        for text in &texts {
            if let Some(at) = text.find(&form) {
                return Some(
                    text[..at].chars().rev().take(200).collect::<Vec<_>>().into_iter().rev().collect(),
                );
            }
        }
    }
    None
}

#[test]
fn key_is_found_in_every_text_encoding() {
    let key: Vec<u8> = (0..32_u8).map(|byte| byte.wrapping_mul(37).wrapping_add(11)).collect();
    let keys = BTreeSet::from([key.clone()]);
    let hex: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let texts = [
        key.clone(),
        hex.to_uppercase().into_bytes(),
        hex.into_bytes(),
        format!("{key:?}").into_bytes(),
        serde_json::to_vec(&key).expect("numbers"),
    ];
    for skipped in 0..3 {
        let wrapped = STANDARD.encode([&vec![7; skipped], key.as_slice()].concat());
        let (first, second) = wrapped.split_at(20);
        assert!(leak(format!("x {first}\n{second} y").as_bytes(), &keys).is_some(), "base64, {skipped}");
    }
    for text in texts {
        assert!(leak(&[b"before ", text.as_slice(), b" after"].concat(), &keys).is_some());
    }
    assert_eq!(leak(b"nothing of it 0b305a, 11, 48", &keys), None);
}

async fn plane(dir: &Path) -> (Handle, PathBuf) {
    let options = Options {
        dir: Some(dir.join("plane")),
        cluster_signing_duration: std::time::Duration::from_secs(60),
        ..Options::default()
    };
    let plane = ControlPlane::start(options).await.expect("the control plane starts");
    let bootstrap = plane.bootstrap_kubeconfig_path().expect("it has a directory");
    (plane, bootstrap)
}

/// What the program prints at `-vv` on one run to a certificate.
fn print_once(dir: &Path, bootstrap: &Path) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_certrotate"))
        .args(["run", "-vv", "--once", "--timeout", "60s", "--node-name", "node-1", "--bootstrap-kubeconfig"])
        .arg(bootstrap)
        .arg("--cert-dir")
        .arg(dir.join("pki"))
        .stdin(Stdio::null())
        .output()
        .expect("the program starts");
    let printed = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&printed));
    printed
}

#[tokio::test]
async fn s11_output_of_the_program_has_no_part_of_a_key() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let dir = scratch.path().to_owned();
    let (plane, bootstrap) = plane(&dir).await;
    let run = tokio::task::spawn_blocking(move || {
        let mut printed = print_once(&dir, &bootstrap);
        let mut keys = keys_in(&dir.join("pki"));
        assert_eq!(keys.len(), 1, "one certificate, one key");
        // A file that is damaged near its key is talked about, too.
        let live = dir.join("pki").join("kubelet-client-current.pem");
        let mut bytes = std::fs::read(&live).expect("it is there");
        let place = bytes.len() - 60;
        bytes[place] ^= 1;
        std::fs::write(std::fs::canonicalize(&live).expect("it leads somewhere"), bytes).expect("ours");
        printed.extend(print_once(&dir, &bootstrap));
        keys.extend(keys_in(&dir.join("pki")));
        assert!(keys.len() >= 2, "another certificate, another key");
        (printed, keys)
    });
    let (printed, keys) = run.await.expect("it does not panic");
    let text = String::from_utf8_lossy(&printed);
    assert!(text.contains("is not used"), "the damage is talked about: {text}");
    assert_eq!(leak(&printed, &keys), None);
    plane.shutdown().await;
}

#[tokio::test]
async fn s11_files_are_0600_and_directory_0700_under_any_umask() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let (plane, bootstrap) = plane(scratch.path()).await;
    let dir = scratch.path().to_owned();
    let run = tokio::task::spawn_blocking(move || {
        for mask in ["000", "022", "077", "277"] {
            let pki = dir.join(mask).join("pki");
            let status = Command::new("sh")
                .args(["-c", "umask \"$0\"; exec \"$@\"", mask, env!("CARGO_BIN_EXE_certrotate")])
                .args([
                    "run",
                    "--once",
                    "--timeout",
                    "60s",
                    "--node-name",
                    "node-1",
                    "--bootstrap-kubeconfig",
                ])
                .arg(&bootstrap)
                .arg("--cert-dir")
                .arg(&pki)
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .status();
            assert!(status.is_ok_and(|status| status.success()), "umask {mask}");
            let mode =
                |path: &Path| std::fs::metadata(path).expect("it is there").permissions().mode() & 0o7777;
            assert_eq!((mode(&pki), mode(&dir.join(mask))), (0o700, 0o700), "umask {mask}");
            for entry in std::fs::read_dir(&pki).expect("it is there").flatten() {
                assert_eq!(mode(&entry.path()), 0o600, "{} under umask {mask}", entry.path().display());
            }
        }
    });
    run.await.expect("it does not panic");
    plane.shutdown().await;
}

/// Keeps what is logged, by whatever crate.
#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Sink {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// A step as it stands in a trace, and as `Debug` shows it.
fn recorded(seq: u64, seen: &ObservedStep<'_>) -> String {
    let record = TraceRecord {
        seq,
        now: seen.now,
        input: seen.input.clone(),
        disposition: seen.step.disposition,
        actions: seen.step.actions.clone(),
        wake: seen.wake,
        digest: 0,
    };
    let json = serde_json::to_string(&record).expect("a record is plain data");
    format!("{json}\n{:?} {:?} {:?} {:?}\n", seen.input, seen.step, seen.view, seen.reports)
}

#[tokio::test]
async fn s11_logs_debug_and_traces_have_no_part_of_a_key() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let (plane, bootstrap) = plane(scratch.path()).await;
    let sink = Sink::default();
    tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(sink.clone()).init();

    let pki = scratch.path().join("pki");
    let mut options = NodeOptions::new("node-1", &pki);
    options.bootstrap_kubeconfig = Some(bootstrap);
    let (steps, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mut seq = 0;
    let observer = Box::new(move |seen: ObservedStep<'_>| {
        seq += 1;
        let lives = seen.step.actions.iter().filter(|action| matches!(action, Action::GoLive { .. })).count();
        // After the test the receiver is closed.
        let _ = steps.send((recorded(seq, &seen), keys_in(&pki), lives));
    });
    let node = Node::new(&options, observer).expect("the options are good");
    let (control, shown) = (node.control(), format!("{node:?} {:?} {:?}", node.live(), node.client()));
    let running = tokio::spawn(node.run());

    let (mut texts, mut keys, mut lives) = (shown.into_bytes(), BTreeSet::new(), 0);
    let mut nudge = tokio::time::interval(std::time::Duration::from_millis(100));
    while lives < 3 {
        tokio::select! {
            step = told.recv() => {
                let (text, found, live) = step.expect("it runs until it is told to end");
                texts.extend(text.into_bytes());
                keys.extend(found);
                lives += live;
            }
            // Core ignores the request so shortly after the last certificate.
            _ = nudge.tick() => control.rotate_now(),
        }
    }
    control.shutdown();
    running.await.expect("it does not panic");

    let logged = sink.take();
    let text = String::from_utf8_lossy(&logged);
    assert!(text.contains("TRACE") && text.contains("hyper"), "other crates talk, too");
    assert!(keys.len() >= 3, "three certificates, three keys; {} were seen", keys.len());
    assert_eq!(leak(&logged, &keys), None, "in a log");
    assert_eq!(leak(&texts, &keys), None, "in a trace or a debug form");
    plane.shutdown().await;
}
