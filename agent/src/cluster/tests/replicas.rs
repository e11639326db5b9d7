//! Several replicas on one server: one acts, another takes over, and a held name is remembered by all.

use std::path::PathBuf;

use k8s_openapi::api::coordination::v1::Lease;
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::kubernetes::Objects;

/// Short, so that a takeover is; a replica that is held up for longer than a second stops, and starts again.
const TIMES: LeaseTimes = LeaseTimes {
    lease_duration: Duration::from_secs(3),
    renew_deadline: Duration::from_secs(2),
    retry_period: Duration::from_millis(200),
};

/// A server with a CA for the signer, and a bootstrapper who asks it.
struct Site {
    plane: Handle,
    bootstrapper: Cluster,
    admin: Cluster,
    dir: tempfile::TempDir,
}

struct Replica {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Replica {
    /// As TERM does.
    async fn stop(self) {
        self.stop.send(()).expect("it runs");
        self.task.await.expect("no panic");
    }

    /// As KILL does.
    async fn kill(self) {
        self.task.abort();
        let _aborted = self.task.await;
    }
}

impl Site {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let options = Options { dir: Some(dir.path().join("plane")), ..Options::default() };
        let plane = ControlPlane::start(options).await.expect("the control plane starts");
        let of = |kubeconfig: Option<PathBuf>| {
            let kubeconfig = kubeconfig.expect("there is a directory");
            Cluster::new(kubeconfig, SIGNER.to_owned(), "kube-system".to_owned(), CALL)
        };
        let bootstrapper = of(plane.bootstrap_kubeconfig_path());
        let admin = of(plane.admin_kubeconfig_path());
        let site = Self { plane, bootstrapper, admin, dir };
        site.write_ca();
        site
    }

    fn ca(&self) -> CaFiles {
        CaFiles { certificate: self.dir.path().join("ca.crt"), key: self.dir.path().join("ca.key") }
    }

    fn write_ca(&self) {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "a signer of one's own");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let files = self.ca();
        std::fs::write(files.certificate, params.self_signed(&key).expect("a CA").pem()).expect("written");
        std::fs::write(files.key, key.serialize_pem()).expect("written");
    }

    fn replica(&self, me: &str) -> Replica {
        let controllers = ControllerOptions {
            refuse_taken_names: true,
            ..ControllerOptions::new(SIGNER, Rules::KubeletClient, self.ca())
        };
        let options = ClusterOptions {
            kubeconfig: self.plane.admin_kubeconfig_path().expect("there is a directory"),
            controllers,
            lease_namespace: "kube-system".to_owned(),
            lease_name: "signer".to_owned(),
            lease_times: TIMES,
            identity: me.to_owned(),
        };
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            let _sent_or_dropped = stopped.await;
        };
        let task = tokio::spawn(async move { run(options, stopped).await.expect("good options") });
        Replica { stop, task }
    }

    async fn ask(&self, name: &str, node: &str) {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
        params.distinguished_name.push(DnType::CommonName, format!("system:node:{node}"));
        let key = KeyPair::generate().expect("a key");
        let pem = params.serialize_request(&key).and_then(|request| request.pem()).expect("a request");
        let mut csr = Csr::default();
        csr.metadata.name = Some(name.to_owned());
        csr.spec.request = ByteString(pem.into_bytes());
        csr.spec.signer_name = SIGNER.to_owned();
        csr.spec.usages = Some(vec!["digital signature".to_owned(), "client auth".to_owned()]);
        let api = self.bootstrapper.requests().await.expect("a client");
        api.create(&csr).await.expect("it is created");
    }

    /// Requests a certificate, and waits until it is issued or denied; returns the reason of the first condition.
    async fn outcome(&self, name: &str, node: &str) -> String {
        let mut changes = self.bootstrapper.changes();
        let first = next(&mut changes).await;
        assert!(matches!(first, Change::All(_)), "{first:?}");
        self.ask(name, node).await;
        loop {
            let csr = now(next(&mut changes).await);
            if csr.metadata.name.as_deref() != Some(name) {
                continue;
            }
            let status = csr.status.clone().unwrap_or_default();
            let conditions = status.conditions.unwrap_or_default();
            let decided = conditions.first().and_then(|condition| condition.reason.clone());
            let denied = conditions.first().is_some_and(|condition| condition.type_ == "Denied");
            if denied || status.certificate.is_some() {
                return decided.expect("a reason");
            }
        }
    }

    async fn holder(&self) -> Option<String> {
        let lease = self.admin.lease("signer").await.expect("an answer");
        lease.map(|lease| lease.holder).filter(|holder| !holder.is_empty())
    }
}

#[tokio::test]
async fn one_of_three_replicas_acts_and_another_takes_over() {
    let site = Site::new().await;
    let mut replicas = std::collections::BTreeMap::new();
    for me in ["a", "b", "c"] {
        replicas.insert(me.to_owned(), site.replica(me));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (name, how) in [("one", "kill"), ("two", "stop"), ("three", "")] {
        assert_eq!(site.outcome(name, name).await, "AutoApproved");
        let holder = site.holder().await.expect("the acting replica holds the Lease");
        let replica = replicas.remove(&holder).expect("it runs");
        assert!(seen.insert(holder), "another one than before");
        match how {
            "kill" => replica.kill().await,
            "stop" => replica.stop().await,
            _ => {}
        }
    }
    // No replica repeated the work of another.
    let all = site.admin.requests().await.expect("a client").list(&Default::default()).await.expect("a list");
    let conditions = all.items.iter().map(|csr| {
        let status = csr.status.as_ref().expect("a status");
        status.conditions.as_ref().map_or(0, Vec::len)
    });
    assert_eq!(conditions.collect::<Vec<_>>(), [1, 1, 1]);
}

#[tokio::test]
async fn w43_held_name_lease_outlives_replicas_and_can_be_deleted() {
    let site = Site::new().await;
    let first = site.replica("a");
    assert_eq!(site.outcome("first", "n").await, "AutoApproved");
    assert_eq!(site.outcome("thief", "n").await, "NodeNameTaken");
    first.stop().await;
    let leases =
        Objects::<_, Lease>::namespaced(site.admin.connect().await.expect("a client"), "kube-system");
    let all = leases.list(&Default::default()).await.expect("a list");
    let held = |lease: &&Lease| {
        lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()) == Some("system:node:n")
    };
    let held = all.items.iter().find(held).expect("the name is held").metadata.name.clone().expect("a name");
    // The object goes, as Kubernetes' own cleaner would see to; the name stays held. A list shows the object until the
    // deletion is on the disk: the next replica would record its holder again.
    let mut changes = site.admin.changes();
    let listed = next(&mut changes).await;
    assert!(matches!(listed, Change::All(_)), "{listed:?}");
    assert!(site.plane.faults().forget("first"));
    let gone = next(&mut changes).await;
    assert!(matches!(&gone, Change::Gone(name) if name == "first"), "{gone:?}");
    let second = site.replica("b");
    assert_eq!(site.outcome("again", "n").await, "NodeNameTaken");
    leases.delete(&held, &DeleteParams::default()).await.expect("deleted");
    assert_eq!(site.outcome("freed", "n").await, "AutoApproved");
    second.stop().await;
}
