//! The control plane as real kubectl sees it: transcripts, which are snapshots. `scripts/kubectl` brings both kubectls and runs this.

#![expect(clippy::unwrap_used, reason = "all of this is test code")]

mod program;

use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use certrotate_controlplane::{Approval, Clock, ControlPlane, Options};
use program::Kubectl;
use tokio::sync::oneshot;

/// A good manifest; `REQUEST` stands for the request.
const JANE: &str = include_str!("jane.yaml");
const REQUEST: &[u8] = include_bytes!("jane.csr");
const LEASE: &str = r#"{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
    "metadata": {"name": "leader", "namespace": "kube-system"}, "spec": {"holderIdentity": "a", "leaseDurationSeconds": 15}}"#;

/// The control plane's clock stands still, so that every age is the same in every run.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_521_600)
}

/// A control plane on a thread of its own, until the sender is dropped: its directory and its address.
fn plane(dir: PathBuf) -> (String, oneshot::Sender<()>) {
    let (ready, address) = mpsc::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let options = Options {
                dir: Some(dir),
                approve: Approval::Manual,
                clock: Clock::new(now),
                ..Options::default()
            };
            let plane = ControlPlane::start(options).await.unwrap();
            ready.send(format!("https://{}", plane.address())).unwrap();
            // An error is that the test is over.
            let _over = stopped.await;
            plane.shutdown().await;
        });
    });
    (address.recv().unwrap(), stop)
}

fn manifest(name: &str) -> String {
    let request = base64::engine::general_purpose::STANDARD.encode(REQUEST);
    JANE.replace("REQUEST", &request).replace("name: jane", &format!("name: {name}"))
}

/// One kubectl, from discovery to the deletion of everything.
fn session(prefix: &str, program: &str, knows_whoami: bool) {
    let program =
        std::env::var(program).unwrap_or_else(|_| panic!("{program} is not set: run scripts/kubectl"));
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("plane");
    let (server, _stop) = plane(dir.clone());
    let with = |kubeconfig: &str| {
        Kubectl::new(
            PathBuf::from(&program),
            dir.join(kubeconfig),
            scratch.path().join("home"),
            server.clone(),
        )
    };
    let kubectl = with("admin.kubeconfig");
    let check = |name: &str, transcript: &[String]| {
        insta::assert_snapshot!(format!("{prefix}_{name}"), transcript.join("\n"));
    };
    let run_all = |lines: &[&str]| lines.iter().map(|line| kubectl.run(line)).collect::<Vec<_>>();
    check("discovery", &run_all(&DISCOVERY));
    check("create", &create(&kubectl));
    check("get", &run_all(&GET));
    check("decide", &decide(&kubectl));
    check("change", &change(&kubectl));
    let mut leases = vec![kubectl.run_with("create -f -", LEASE)];
    leases.extend(run_all(&LEASES));
    check("leases", &leases);
    let mut who = vec![
        kubectl.run("auth can-i approve signers/kubernetes.io/kubelet-serving"),
        with("bootstrap.kubeconfig").run("auth can-i create csr"),
        with("bootstrap.kubeconfig").run("auth can-i update csr --subresource approval"),
    ];
    if knows_whoami {
        who.push(kubectl.run("auth whoami"));
    }
    check("who", &who);
    check("delete", &run_all(&DELETE));
}

const DISCOVERY: [&str; 4] =
    ["api-resources", "api-versions", "explain csr.spec.signerName", "get --raw /readyz"];
const GET: [&str; 9] = [
    "get csr",
    "get csr -o wide",
    "get csr jane -o yaml",
    "get csr jane -o json",
    "get csr -l team=docs --field-selector spec.signerName=kubernetes.io/kube-apiserver-client -o name",
    "get csr -l team!=docs",
    "get csr --chunk-size 1 -o name",
    "get csr nobody",
    "describe csr jane",
];
const LEASES: [&str; 3] =
    ["-n kube-system get leases", "get leases -A", "-n kube-system delete lease leader"];
const DELETE: [&str; 4] = ["delete csr jane", "delete csr jane", "delete csr --all", "get csr"];

fn change(kubectl: &Kubectl) -> Vec<String> {
    vec![
        kubectl.run("label csr jane tier=gold"),
        kubectl.run("annotate csr jane 'note=with a space'"),
        kubectl
            .run("patch csr jane --type json -p '[{\"op\":\"remove\",\"path\":\"/metadata/labels/tier\"}]'"),
        kubectl.run("patch csr jane --type merge -p '{\"metadata\":{\"labels\":{\"tier\":\"silver\"}}}'"),
        kubectl.run("patch csr jane -p '{\"metadata\":{\"labels\":{\"tier\":null}}}'"),
        kubectl.run_with("apply -f -", &manifest("applied")),
        kubectl.run_with("apply -f -", &manifest("applied").replace("docs", "code")),
        kubectl.run("get csr applied -o jsonpath={.metadata.labels}"),
    ]
}

fn create(kubectl: &Kubectl) -> Vec<String> {
    let bad = |from: &str, to: &str| {
        let manifest = manifest("bad").replace(from, to);
        assert_ne!(manifest, self::manifest("bad"), "{from}");
        format!("# {from} -> {to}\n{}", kubectl.run_with("create -f -", &manifest))
    };
    vec![
        kubectl.run_with("create -f - --dry-run=server", &manifest("jane")),
        kubectl.run_with("create -f -", &manifest("jane")),
        kubectl.run_with("create -f -", &manifest("jane")),
        kubectl.run_with("create -f -", &manifest("joe")),
        bad("kubernetes.io/kube-apiserver-client", "nonsense"),
        bad("client auth", "dance"),
        bad("86400", "599"),
        bad("86400", "a day"),
        bad("request: LS0t", "request: LS1t"),
        bad("spec:", "spec:\n  nonsense: 1"),
        bad("certificates.k8s.io/v1", "certificates.k8s.io/v1beta1"),
        bad("team: docs", "team: not a label"),
    ]
}

/// Approval seen by a watch, a wait, and denials.
fn decide(kubectl: &Kubectl) -> Vec<String> {
    let mut watch = kubectl.start("get csr jane --watch");
    watch.until("Pending");
    let approved = kubectl.run("certificate approve jane");
    watch.until("Approved,Issued");
    vec![
        approved,
        watch.stop(),
        kubectl.run("wait --for=condition=Approved csr/jane --timeout=30s"),
        kubectl.run("certificate deny joe"),
        kubectl.run("certificate deny jane"),
        kubectl.run("certificate approve nobody"),
        kubectl.run("get csr"),
        kubectl.run("get csr jane -o yaml"),
        kubectl.run("describe csr joe"),
    ]
}

#[test]
#[ignore = "needs a current kubectl: scripts/kubectl brings it and runs this"]
fn a_current_kubectl_finds_everything_where_it_expects_it() {
    session("current", "CERTROTATE_KUBECTL", true);
}

#[test]
#[ignore = "needs kubectl 1.20: scripts/kubectl brings it and runs this"]
fn an_old_kubectl_finds_everything_where_it_expects_it() {
    session("old", "CERTROTATE_KUBECTL_OLD", false);
}
