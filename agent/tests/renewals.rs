//! A node against the control plane, with certificates of ten seconds: every wait is for an event, with a deadline.

use std::sync::Arc;
use std::time::Duration;

use certrotate::identity::{Identity, LiveIdentity};
use certrotate::node::{Control, Node, NodeOptions};
use certrotate_controlplane::{ControlPlane, Handle, Options};
use certrotate_core::config::Template;
use certrotate_core::event::Event;
use certrotate_core::id::Generation;
use certrotate_core::input::ExitReason;
use tokio::sync::watch;
use tokio::task::JoinHandle;

const LIFE: Duration = Duration::from_secs(10);
/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(40);

struct Bench {
    plane: Handle,
    dir: tempfile::TempDir,
}

struct Running {
    live: LiveIdentity,
    control: Control,
    events: watch::Receiver<Vec<Event>>,
    task: JoinHandle<ExitReason>,
}

impl Bench {
    async fn new() -> Self {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let options = Options {
            dir: Some(dir.path().join("plane")),
            cluster_signing_duration: LIFE,
            backdate: Duration::ZERO,
            ..Options::default()
        };
        Self { plane: ControlPlane::start(options).await.expect("the control plane starts"), dir }
    }

    fn options(&self) -> NodeOptions {
        NodeOptions {
            bootstrap_kubeconfig: self.plane.bootstrap_kubeconfig_path(),
            kubeconfig: Some(self.dir.path().join("kubeconfig")),
            client_ca_file: self.plane.dir().map(|dir| dir.join("ca.crt")),
            ..NodeOptions::new("node-1", self.dir.path().join("pki"))
        }
    }

    fn start(&self) -> Running {
        let (tell, events) = watch::channel(vec![]);
        let observer = Box::new(move |seen: certrotate::driver::ObservedStep<'_>| {
            for action in &seen.step.actions {
                if let certrotate_core::input::Action::Report(event) = action {
                    tell.send_modify(|all: &mut Vec<Event>| all.push(event.clone()));
                }
            }
        });
        let node = Node::new(&self.options(), observer).expect("the options are good");
        let (live, control) = (node.live(), node.control());
        Running { live, control, events, task: tokio::spawn(node.run()) }
    }
}

impl Running {
    /// Waits until this generation, or a later one, is live.
    async fn live(&self, generation: u32) -> Arc<Identity> {
        let mut shown = self.live.subscribe();
        let wanted = |now: &Option<Arc<Identity>>| {
            now.as_ref().is_some_and(|identity| identity.generation() >= Generation(generation))
        };
        let live = tokio::time::timeout(LONG, shown.wait_for(wanted)).await;
        let live = live.unwrap_or_else(|_| panic!("generation {generation}: {:?}", *self.events.borrow()));
        live.expect("it runs").clone().expect("it is live")
    }

    async fn event(&mut self, what: &str, wanted: fn(&Event) -> bool) {
        let waiting = self.events.wait_for(|all| all.iter().any(wanted));
        let seen = matches!(tokio::time::timeout(LONG, waiting).await, Ok(Ok(_)));
        assert!(seen, "waited for {what}: {:?}", *self.events.borrow());
    }

    async fn end(self) {
        self.control.shutdown();
        let ended = tokio::time::timeout(LONG, self.task).await.expect("it ends").expect("no panic");
        assert_eq!(ended, ExitReason::Shutdown);
    }
}

#[tokio::test]
async fn f65_f77_node_renews_before_expiry_and_after_a_restart() {
    let bench = Bench::new().await;
    let node = bench.start();
    let first = node.live(1).await;
    assert_eq!(first.summary().subject.common_name, "system:node:node-1");
    let second = node.live(2).await;
    assert!(node.live.wall() < first.not_after(), "renewed in time");
    assert_ne!(first.leaf(), second.leaf());
    node.end().await;

    let again = bench.start();
    let adopted = again.live(2).await;
    assert_eq!(adopted.leaf(), second.leaf(), "the same certificate, from disk");
    assert_eq!(bench.plane.stats().csrs_created, 2, "a restart makes no request");
    let third = again.live(3).await;
    assert!(again.live.wall() < second.not_after() && third.leaf() != second.leaf());
    again.end().await;

    let stats = bench.plane.stats();
    assert_eq!(
        (stats.csrs_created, stats.open_csrs_max, stats.expired_uses, stats.unauthorized),
        (3, 1, 0, 0)
    );
    let mut requestors: Vec<_> = stats.csrs.iter().map(|csr| csr.requestor.as_str()).collect();
    requestors.sort_unstable();
    assert_eq!(requestors[1..], ["system:node:node-1"; 2], "F88: renewals are made as the node");
    assert!(requestors[0].starts_with("system:bootstrap:"), "{requestors:?}");
    let text = std::fs::read_to_string(bench.dir.path().join("kubeconfig")).expect("it was written");
    assert_eq!(text.matches("kubelet-client-current.pem").count(), 2);
}

#[tokio::test]
async fn f02_l3_node_recovers_after_expiry_during_an_outage() {
    let bench = Bench::new().await;
    let mut node = bench.start();
    let first = node.live(1).await;
    bench.plane.faults().refuse_connections(true);
    node.event("the end", |event| matches!(event, Event::Expired { .. })).await;
    assert!(node.live.current_now().is_none(), "S1");
    assert!(node.live.wall() >= first.not_after());
    assert!(!node.task.is_finished(), "F77: it waits");

    bench.plane.faults().clear();
    let back = node.live(2).await;
    assert_ne!(back.leaf(), first.leaf());
    node.end().await;
    let stats = bench.plane.stats();
    assert_eq!((stats.expired_uses, stats.open_csrs_max), (0, 1), "F01: the expired one is never presented");
}

#[tokio::test]
async fn f100_pending_renewal_gives_way_to_bootstrap_after_the_expiry() {
    let bench = Bench::new().await;
    let mut node = bench.start();
    node.live(1).await;
    bench.plane.faults().pause_approving(true);
    node.event("the expiry", |event| matches!(event, Event::Expired { .. })).await;
    node.event("the end of the renewal", |event| matches!(event, Event::RequestOfExpired { .. })).await;
    let third = |event: &Event| matches!(event, Event::AttemptStarted { generation: Generation(3) });
    node.event("the request of the bootstrap credential", third).await;
    // A restart resumes that one.
    node.end().await;
    let node = bench.start();
    bench.plane.faults().pause_approving(false);
    node.live(3).await;
    node.end().await;
    let stats = bench.plane.stats();
    let by_node = stats.csrs.iter().filter(|csr| csr.requestor == "system:node:node-1").count();
    assert_eq!((stats.csrs_created, by_node, stats.expired_uses), (3, 1, 0));
}

#[tokio::test]
async fn f63_certificate_of_another_cluster_is_replaced_by_bootstrap() {
    let bench = Bench::new().await;
    let node = bench.start();
    let first = node.live(1).await;
    // The renewal as the node gets a 401; then it is the bootstrap credential's turn.
    bench.plane.faults().answer(401, None, Some(1));
    let second = node.live(2).await;
    assert_ne!(first.leaf(), second.leaf());
    node.end().await;
    let stats = bench.plane.stats();
    assert_eq!(stats.csrs_created, 2);
    assert!(stats.csrs.iter().all(|csr| csr.requestor.starts_with("system:bootstrap:")), "{:?}", stats.csrs);
}

#[tokio::test]
async fn f10_restart_during_approval_makes_one_request() {
    let bench = Bench::new().await;
    bench.plane.faults().pause_approving(true);
    for _ in 0..3 {
        let mut node = bench.start();
        node.event("a request that waits", |event| matches!(event, Event::RequestPending { .. })).await;
        node.end().await;
    }
    bench.plane.faults().clear();
    let node = bench.start();
    node.live(1).await;
    node.end().await;
    assert_eq!(bench.plane.stats().csrs_created, 1);
}

#[tokio::test]
async fn f14_denied_renewal_keeps_the_live_certificate() {
    let bench = Bench::new().await;
    let mut node = bench.start();
    let first = node.live(1).await;
    bench.plane.faults().deny_all(true);
    node.event("the denial", |event| matches!(event, Event::RequestDenied { .. })).await;
    let current = node.live.current_now();
    assert!(current.is_some_and(|identity| identity.leaf() == first.leaf()), "it is served still");
    bench.plane.faults().clear();
    node.control.rotate_now();
    node.live(2).await;
    node.end().await;
}

#[tokio::test]
async fn f84_renamed_node_requests_with_the_bootstrap_credential() {
    let bench = Bench::new().await;
    let mut node = bench.start();
    node.live(1).await;
    node.control.set_template(Template::kubelet_client("node-2")).expect("it is a template");
    node.event("the withdrawal", |event| matches!(event, Event::OtherSubject { .. })).await;
    let renamed = node.live(2).await;
    assert_eq!(renamed.summary().subject.common_name, "system:node:node-2");
    let renewed = node.live(3).await;
    assert_eq!(renewed.summary().subject.common_name, "system:node:node-2");
    node.end().await;
    let stats = bench.plane.stats();
    assert_eq!((stats.open_csrs_max, stats.expired_uses, stats.unauthorized), (1, 0, 0));
    let mut requestors: Vec<_> = stats.csrs.iter().map(|csr| csr.requestor.as_str()).collect();
    requestors.sort_unstable();
    assert!(requestors[..2].iter().all(|it| it.starts_with("system:bootstrap:")), "{requestors:?}");
    assert_eq!(requestors[2..], ["system:node:node-2"]);
}
