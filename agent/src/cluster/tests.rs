use std::sync::Arc;
use std::time::Duration;

use certrotate_controlplane::{CaFiles, ControlPlane, Handle, Options, Rules};
use futures_util::StreamExt as _;
use k8s_openapi::ByteString;
use k8s_openapi::api::certificates::v1::CertificateSigningRequestCondition;

use super::*;

mod replicas;

const SIGNER: &str = "example.com/nodes";
const CALL: Duration = Duration::from_secs(20);

/// A server, and the controllers' way to it.
struct Bench {
    plane: Handle,
    cluster: Cluster,
    _dir: tempfile::TempDir,
}

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let options = Options { dir: Some(dir.path().join("plane")), ..Options::default() };
        let plane = ControlPlane::start(options).await.expect("the control plane starts");
        let kubeconfig = plane.admin_kubeconfig_path().expect("there is a directory");
        Self {
            plane,
            cluster: Cluster::new(kubeconfig, SIGNER.to_owned(), "kube-system".to_owned(), CALL),
            _dir: dir,
        }
    }

    async fn create(&self, name: &str, signer: &str) -> Csr {
        let mut params = rcgen::CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = rcgen::KeyPair::generate().expect("a key");
        let pem = params.serialize_request(&key).and_then(|request| request.pem()).expect("a request");
        let mut csr = Csr::default();
        csr.metadata.name = Some(name.to_owned());
        csr.spec.request = ByteString(pem.into_bytes());
        csr.spec.signer_name = signer.to_owned();
        csr.spec.usages = Some(vec!["client auth".to_owned()]);
        let api = self.cluster.requests().await.expect("a client");
        api.create(&csr).await.expect("it is created")
    }
}

fn with(csr: &Csr, kind: &str) -> Csr {
    let mut new = csr.clone();
    let condition = CertificateSigningRequestCondition {
        type_: kind.to_owned(),
        status: "True".to_owned(),
        ..CertificateSigningRequestCondition::default()
    };
    new.status.get_or_insert_with(Default::default).conditions.get_or_insert_default().push(condition);
    new
}

async fn next(changes: &mut BoxStream<'static, Change>) -> Change {
    tokio::time::timeout(CALL, changes.next()).await.expect("in time").expect("it does not end")
}

fn now(change: Change) -> Arc<Csr> {
    match change {
        Change::Now(csr) => csr,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn changes_are_a_list_then_events_of_this_signer_only() {
    let bench = Bench::new().await;
    bench.create("first", SIGNER).await;
    bench.create("other", "example.com/other").await;
    let mut changes = bench.cluster.changes();
    match next(&mut changes).await {
        Change::All(all) => {
            let names: Vec<_> = all.iter().map(|csr| csr.metadata.name.as_deref()).collect();
            assert_eq!(names, [Some("first")]);
        }
        other => panic!("{other:?}"),
    }
    bench.create("another", "example.com/other").await;
    let second = bench.create("second", SIGNER).await;
    assert_eq!(*now(next(&mut changes).await), second);
    bench.plane.faults().close_watches_after_one_event(true);
    bench.cluster.decide(with(&second, "Approved")).await.expect("approved");
    let approved = now(next(&mut changes).await);
    assert_eq!(approved.status.as_ref().and_then(|s| s.conditions.as_ref()).map(Vec::len), Some(1));
    bench.cluster.delete(&approved).await.expect("deleted");
    match next(&mut changes).await {
        Change::Gone(name) => assert_eq!(name, "second"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn write_to_a_changed_object_is_stale() {
    let bench = Bench::new().await;
    let cluster = &bench.cluster;
    let seen = bench.create("a", SIGNER).await;
    cluster.decide(with(&seen, "Approved")).await.expect("approved");
    assert_eq!(cluster.decide(with(&seen, "Denied")).await, Err(PortError::Stale));
    assert_eq!(cluster.set_status(with(&seen, "Failed")).await, Err(PortError::Stale));
    assert_eq!(cluster.delete(&seen).await, Err(PortError::Stale));
    let api = cluster.requests().await.expect("a client");
    let approved = api.get("a").await.expect("it is there");
    cluster.set_status(with(&approved, "Failed")).await.expect("failed");
    let failed = api.get("a").await.expect("it is there");
    cluster.delete(&failed).await.expect("deleted");
    assert_eq!(cluster.delete(&failed).await, Err(PortError::Stale), "and it is gone");
}

#[tokio::test]
async fn server_without_answer_in_time_is_an_error() {
    let bench = Bench::new().await;
    let seen = bench.create("a", SIGNER).await;
    bench.plane.faults().delay(Duration::from_secs(3600));
    let kubeconfig = bench.plane.admin_kubeconfig_path().expect("there is a directory");
    let hasty =
        Cluster::new(kubeconfig, SIGNER.to_owned(), "kube-system".to_owned(), Duration::from_millis(50));
    let refused = hasty.decide(with(&seen, "Approved")).await.expect_err("no answer");
    assert!(refused.to_string().contains("does not answer"), "{refused}");
}

#[tokio::test]
async fn failed_list_is_retried() {
    let bench = Bench::new().await;
    bench.create("a", SIGNER).await;
    bench.plane.faults().answer(503, None, Some(2));
    match next(&mut bench.cluster.changes()).await {
        Change::All(all) => assert_eq!(all.len(), 1),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn invalid_options_are_refused_before_any_call() {
    let ca = CaFiles { certificate: "missing.crt".into(), key: "missing.key".into() };
    let options = ClusterOptions {
        kubeconfig: "missing".into(),
        controllers: ControllerOptions::new(SIGNER, Rules::KubeletClient, ca),
        lease_namespace: "default".to_owned(),
        lease_name: "l".to_owned(),
        lease_times: LeaseTimes::default(),
        identity: "me".to_owned(),
    };
    let refused = run(options, std::future::pending()).await.expect_err("no CA");
    assert!(refused.to_string().contains("missing.crt"), "{refused}");
}
