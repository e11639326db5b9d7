//! Bad input to the real program: one clear line that names the thing and the remedy, a stable exit status, and
//! a good identity is never lost.

mod bench;
#[path = "../support/identity.rs"]
mod identity;
mod matrix;
#[path = "../support/redact.rs"]
mod redact;

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use bench::{Bench, Outcome, program};
use certrotate_controlplane::{ControlPlane, Options, Spoil};

#[tokio::test]
async fn bad_configuration_ends_with_status_2_and_no_change() {
    let bench = Bench::new().await;
    let write =
        |name: &str, text: &str| std::fs::write(bench.path(name), text).expect("the scratch is writable");
    write("malformed", "clusters: [");
    write("empty", "");
    write("other", bench.plane.admin_kubeconfig());
    write("not-pem", "hello\n");
    let mut text = String::new();
    for args in [
        &["--bootstrap-kubeconfig", "missing"][..],
        &["--bootstrap-kubeconfig", "malformed"],
        &["--bootstrap-kubeconfig", "empty"],
        &["--kubeconfig", "other"],
        &["--client-ca-file", "missing"],
        &["--client-ca-file", "not-pem"],
        &["--node-name", "Node_1"],
        &["--once", "--timeout", "soon"],
    ] {
        let seen = bench.run(args).await;
        writeln!(text, "{args:?}: {}\n", seen.trouble()).expect("a string takes everything");
    }
    assert!(!bench.path("pki").exists(), "nothing was made");
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn unknown_flags_end_with_status_2() {
    let bench = Bench::new().await;
    for args in [&["--frobnicate"][..], &["--timeout", "5s"], &["--rotate-certificates=perhaps"]] {
        assert_eq!(bench.run(args).await.code, Some(2), "{args:?}");
    }
}

#[tokio::test]
async fn unreachable_server_is_named_at_the_timeout() {
    let bench = Bench::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let nobody = listener.local_addr().expect("it is bound").to_string();
    drop(listener);
    let text = bench.plane.bootstrap_kubeconfig().replace(&bench.plane.address().to_string(), &nobody);
    std::fs::write(bench.path("bootstrap"), text).expect("the scratch is writable");
    let seen = bench.once(3, &["--bootstrap-kubeconfig", "bootstrap"]).await;
    insta::assert_snapshot!(seen.trouble().replace(&nobody, "NOBODY"));
}

#[tokio::test]
async fn f87_refused_token_is_named_at_the_timeout() {
    let bench = Bench::new().await;
    let text =
        bench.plane.bootstrap_kubeconfig().replace(bench.plane.bootstrap_token(), "abcdef.0123456789abcdef");
    std::fs::write(bench.path("bootstrap"), text).expect("the scratch is writable");
    let seen = bench.once(3, &["--bootstrap-kubeconfig", "bootstrap"]).await;
    insta::assert_snapshot!(seen.trouble());
}

#[tokio::test]
async fn server_of_another_ca_is_named_and_never_sees_the_token() {
    let (bench, other) = (Bench::new().await, Bench::new().await);
    let text = other
        .plane
        .bootstrap_kubeconfig()
        .replace(&other.plane.address().to_string(), &bench.plane.address().to_string());
    std::fs::write(bench.path("bootstrap"), text).expect("the scratch is writable");
    let seen = bench.once(3, &["--bootstrap-kubeconfig", "bootstrap"]).await;
    insta::assert_snapshot!(seen.trouble());
    assert_eq!(bench.plane.stats().requests, 0);
}

#[tokio::test]
async fn outcome_of_the_request_is_named_at_the_timeout() {
    for (name, spoil) in [("pending", None), ("denied", None), ("refused", Some(Spoil::WrongKey))] {
        let bench = Bench::new().await;
        match (name, spoil) {
            ("pending", _) => bench.plane.faults().pause_approving(true),
            ("denied", _) => bench.plane.faults().deny_all(true),
            (_, Some(spoil)) => bench.plane.faults().spoil(spoil),
            (_, None) => unreachable!("every row says what to do"),
        };
        let seen = bench.once(3, &[]).await;
        insta::assert_snapshot!(name, format!("{}\n\n{}", seen.trouble(), seen.lines.join("\n")));
        assert!(!bench.path("pki/kubelet-client-current.pem").exists(), "nothing was made live");
    }
}

#[tokio::test]
async fn unsafe_or_missing_directory_ends_with_status_15() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new().await;
    std::fs::create_dir(bench.path("open")).expect("the scratch is writable");
    std::fs::set_permissions(bench.path("open"), std::fs::Permissions::from_mode(0o777)).expect("it is ours");
    std::fs::write(bench.path("file"), "").expect("the scratch is writable");
    let mut text = String::new();
    for dir in ["open", "file", "file/below"] {
        let seen = bench.run(&["--cert-dir", dir]).await;
        writeln!(text, "{dir}: {}\n", seen.trouble()).expect("a string takes everything");
    }
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn locked_directory_ends_with_status_15() {
    let bench = Bench::new().await;
    bench.plane.faults().pause_approving(true);
    let mut changes = bench.plane.changes();
    let bootstrap = bench.plane.bootstrap_kubeconfig_path().expect("it has a directory");
    let mut first = Command::new(env!("CARGO_BIN_EXE_certrotate"))
        .args(["run", "--node-name", "node-1", "--bootstrap-kubeconfig"])
        .arg(bootstrap)
        .arg("--cert-dir")
        .arg(bench.path("pki"))
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    // Its request shows that it has the lock.
    let asked = changes.wait_for(|_| bench.plane.stats().csrs_created == 1);
    tokio::time::timeout(Duration::from_secs(20), asked).await.expect("it asks").expect("the plane runs");
    let seen = bench.run(&[]).await;
    first.kill().expect("it is ours to kill");
    first.wait().expect("it was started");
    insta::assert_snapshot!(seen.trouble());
    assert_eq!(bench.plane.stats().csrs_created, 1);
}

#[tokio::test]
async fn full_directory_is_named_at_the_timeout() {
    let bench = Bench::new().await;
    let bootstrap = bench.plane.bootstrap_kubeconfig_path().expect("it has a directory");
    // No byte may be written to any file, also by root; pipes are none.
    let script = format!(
        "trap '' XFSZ; ulimit -f 0; exec {} run --once --timeout 1s --node-name node-1 --cert-dir pki --bootstrap-kubeconfig {}",
        env!("CARGO_BIN_EXE_certrotate"),
        bootstrap.display()
    );
    let seen = Outcome::new(program("sh", &["-c", &script], bench.dir.path()).await, &bench);
    insta::assert_snapshot!(seen.trouble());
    assert_eq!(bench.plane.stats().csrs_created, 0, "F16: no request is made that could not be stored");
}

/// What is wrong with a bundle under its own name.
fn damaged(whole: &[u8], how: &str) -> Vec<u8> {
    match how {
        "empty" => vec![],
        "half" => whole[..whole.len() / 2].to_vec(),
        "corrupt" => {
            let mut bytes = whole.to_vec();
            let middle = bytes.len() / 3;
            bytes[middle] = if bytes[middle] == b'A' { b'B' } else { b'A' };
            bytes
        }
        _ => unreachable!("no such damage"),
    }
}

#[tokio::test]
async fn f57_damaged_bundle_is_named_quarantined_and_replaced() {
    for how in ["empty", "half", "corrupt"] {
        let bench = Bench::new().await;
        assert_eq!(bench.once(30, &[]).await.code, Some(0));
        std::fs::write(bench.bundle(), damaged(&bench.live(), how)).expect("it is ours");
        let seen = bench.once(30, &[]).await;
        insta::assert_snapshot!(format!("damaged_{how}"), seen.trouble());
        assert!(
            String::from_utf8_lossy(&bench.live()).contains("BEGIN CERTIFICATE"),
            "{how}: a new one is there"
        );
        assert_eq!(bench.plane.stats().csrs_created, 2);
    }
}

#[tokio::test]
async fn f58_damaged_bundle_is_replaced_by_the_previous_one() {
    let options = Options { cluster_signing_duration: Duration::from_secs(60), ..Options::default() };
    let dir = tempfile::tempdir().expect("a scratch directory");
    let plane = ControlPlane::start(Options { dir: Some(dir.path().join("plane")), ..options });
    let bench = Bench { plane: plane.await.expect("the control plane starts"), dir };
    rotate(&bench).await;
    let (second, whole) = (bench.bundle(), bench.live());
    assert_eq!(bench.plane.stats().csrs_created, 2);
    std::fs::write(&second, damaged(&whole, "half")).expect("it is ours");
    let seen = bench.once(30, &[]).await;
    insta::assert_snapshot!(seen.trouble());
    assert_ne!(bench.bundle(), second);
    assert_eq!(bench.plane.stats().csrs_created, 2, "the one before is good still");
}

/// Gets a first certificate and, asked to, a second one.
async fn rotate(bench: &Bench) {
    let options = certrotate::node::NodeOptions {
        bootstrap_kubeconfig: bench.plane.bootstrap_kubeconfig_path(),
        ..certrotate::node::NodeOptions::new("node-1", bench.path("pki"))
    };
    let node = certrotate::node::Node::new(&options, Box::new(|_| {})).expect("the options are good");
    let (control, mut live) = (node.control(), node.live().subscribe());
    let running = tokio::spawn(node.run());
    let long = Duration::from_secs(20);
    let first = live.wait_for(Option::is_some);
    let first = tokio::time::timeout(long, first).await.expect("in time").expect("it runs").clone();
    let second = async {
        loop {
            control.rotate_now();
            let changed = live.wait_for(|now| {
                now.as_ref().map(|it| it.generation()) != first.as_ref().map(|it| it.generation())
            });
            // Between two issuances there is a floor, until which nothing is made.
            if tokio::time::timeout(Duration::from_millis(200), changed).await.is_ok() {
                break;
            }
        }
    };
    tokio::time::timeout(long, second).await.expect("it rotates");
    control.shutdown();
    tokio::time::timeout(long, running).await.expect("it ends").expect("no panic");
}

#[tokio::test]
async fn f63_foreign_bundle_at_current_link_is_named_and_replaced() {
    let mut text = String::new();
    for whose in ["another node", "another CA", "another key"] {
        let (bench, other) = (Bench::new().await, Bench::new().await);
        let ca = bench.plane.dir().expect("it has a directory").join("ca.crt").display().to_string();
        let args = ["--client-ca-file", ca.as_str()];
        let foreign = match whose {
            "another node" => {
                let theirs = bench.once(30, &["--node-name", "node-2", "--cert-dir", "theirs"]).await;
                assert_eq!(theirs.code, Some(0));
                std::fs::read(bench.path("theirs/kubelet-client-current.pem")).expect("it is there")
            }
            "another CA" => {
                assert_eq!(other.once(30, &[]).await.code, Some(0));
                other.live()
            }
            _ => {
                assert_eq!(bench.once(30, &["--cert-dir", "theirs"]).await.code, Some(0));
                assert_eq!(bench.once(30, &[]).await.code, Some(0));
                let theirs =
                    std::fs::read_to_string(bench.path("theirs/kubelet-client-current.pem")).expect("text");
                let ours = String::from_utf8(bench.live()).expect("text");
                let cut = |text: &str| text.find("-----BEGIN PRIVATE KEY").expect("it has a key");
                [&ours[..cut(&ours)], &theirs[cut(&theirs)..]].concat().into_bytes()
            }
        };
        if bench.path("pki").exists() {
            std::fs::write(bench.bundle(), foreign).expect("it is ours");
        } else {
            assert_eq!(bench.once(30, &args).await.code, Some(0));
            std::fs::write(bench.bundle(), foreign).expect("it is ours");
        }
        let before = bench.plane.stats().csrs_created;
        let seen = bench.once(30, &args).await;
        writeln!(text, "{whose}: {}\n", seen.trouble()).expect("a string takes everything");
        assert_eq!(bench.plane.stats().csrs_created, before + 1, "{whose}");
    }
    insta::assert_snapshot!(text);
}

#[tokio::test]
async fn file_in_place_of_the_current_link_is_kept_and_a_dead_link_replaced() {
    let mut text = String::new();
    for (what, content) in [("a file", "not ours\n"), ("an empty file", "")] {
        let bench = Bench::new().await;
        std::fs::create_dir(bench.path("pki")).expect("the scratch is writable");
        std::fs::write(bench.path("pki/kubelet-client-current.pem"), content)
            .expect("the scratch is writable");
        let seen = bench.once(30, &[]).await;
        writeln!(text, "{what}: {}\n", seen.trouble()).expect("a string takes everything");
        let kept = std::fs::read_dir(bench.path("pki"))
            .expect("it is there")
            .filter_map(|entry| std::fs::read_to_string(entry.expect("it can be read").path()).ok())
            .any(|text| text == content);
        assert!(kept, "{what}: its bytes are still there");
    }
    let bench = Bench::new().await;
    std::fs::create_dir(bench.path("pki")).expect("the scratch is writable");
    std::os::unix::fs::symlink("/elsewhere/current.pem", bench.path("pki/kubelet-client-current.pem"))
        .expect("the scratch is writable");
    let seen = bench.once(30, &[]).await;
    writeln!(text, "a link to nothing: {}", seen.trouble()).expect("a string takes everything");
    insta::assert_snapshot!(text);
}
