//! Adoption from external directories: a kubelet's, a backup, a copy of a machine. The files are
//! real, and every wait is for an event, with a deadline.

mod lost_link;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use certrotate::identity::{Identity, LiveIdentity};
use certrotate::node::{Control, Node, NodeOptions};
use certrotate_controlplane::{ControlPlane, Handle, Options};
use certrotate_core::disk::Place;
use certrotate_core::event::Event;
use certrotate_core::id::Generation;
use certrotate_core::input::{Action, ExitReason};
use certrotate_core::view::Phase;
use certrotate_x509::pair;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Longer than anything here takes; a test that waits this long has failed.
const LONG: Duration = Duration::from_secs(40);
const DATED: &str = "kubelet-client-2026-01-02-03-04-05.pem";

struct Bench {
    plane: Handle,
    dir: tempfile::TempDir,
}

struct Running {
    live: LiveIdentity,
    control: Control,
    events: watch::Receiver<Vec<Event>>,
    phase: watch::Receiver<Phase>,
    task: JoinHandle<ExitReason>,
}

impl Bench {
    async fn new(lifetime: Duration) -> Self {
        Self::backdated(lifetime, Duration::ZERO).await
    }

    async fn backdated(lifetime: Duration, backdate: Duration) -> Self {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let options = Options {
            dir: Some(dir.path().join("plane")),
            cluster_signing_duration: lifetime,
            backdate,
            ..Options::default()
        };
        Self { plane: ControlPlane::start(options).await.expect("the control plane starts"), dir }
    }

    fn pki(&self) -> PathBuf {
        self.dir.path().join("pki")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.pki().join(name)
    }

    fn options(&self) -> NodeOptions {
        NodeOptions {
            bootstrap_kubeconfig: self.plane.bootstrap_kubeconfig_path(),
            kubeconfig: Some(self.dir.path().join("kubeconfig")),
            client_ca_file: self.plane.dir().map(|dir| dir.join("ca.crt")),
            ..NodeOptions::new("node-1", self.pki())
        }
    }

    /// Without a bootstrap credential: what is adopted is all that there is.
    fn start_alone(&self) -> Running {
        start(&NodeOptions { bootstrap_kubeconfig: None, ..self.options() })
    }

    /// The certificate and the key of a node of this name, which ran in a directory that is gone.
    async fn pair(&self, directory: &Path) -> (String, String) {
        let node = start(&NodeOptions { kubeconfig: None, ..self.options_in(directory) });
        node.live(1).await;
        node.end().await;
        let text = fs::read_to_string(directory.join("kubelet-client-current.pem")).expect("it is live");
        let certificates = text.find("-----BEGIN CERTIFICATE").expect("it has a certificate");
        let key = text.find("-----BEGIN PRIVATE KEY").expect("it has a key");
        fs::remove_dir_all(directory).expect("it is ours");
        (text[certificates..key].to_owned(), text[key..].to_owned())
    }

    fn options_in(&self, directory: &Path) -> NodeOptions {
        NodeOptions { cert_dir: directory.to_owned(), ..self.options() }
    }

    /// The node joined; then a kubelet had the directory, and has left it as `leave` does.
    async fn left(&self, leave: impl FnOnce(&Self, &str, &str)) {
        let node = start(&self.options());
        node.live(1).await;
        node.end().await;
        fs::remove_dir_all(self.pki()).expect("it is ours");
        let (certificate, key) = self.pair(&self.dir.path().join("elsewhere")).await;
        fs::create_dir(self.pki()).expect("there is room");
        fs::set_permissions(self.pki(), fs::Permissions::from_mode(0o755)).expect("it is ours");
        leave(self, &certificate, &key);
    }

    /// The same, as a kubelet leaves it: a dated file with both, and a link to it.
    async fn left_by_a_kubelet(&self) {
        let leave = |bench: &Self, certificate: &str, key: &str| {
            bench.put(DATED, &format!("{certificate}{key}"));
            bench.link(DATED);
        };
        self.left(leave).await;
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("there is room");
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).expect("it is ours");
    }

    /// As a kubelet links: with an absolute target.
    fn link(&self, name: &str) {
        let aside = self.path("link");
        symlink(self.path(name), &aside).expect("there is room");
        fs::rename(aside, self.path("kubelet-client-current.pem")).expect("it is ours");
    }

    /// Returns the state of every file, except its access time.
    fn listing(&self) -> Vec<(PathBuf, u64, u32, SystemTime, Vec<u8>)> {
        let mut all: Vec<_> = fs::read_dir(self.pki())
            .expect("it is there")
            .map(|entry| {
                let path = entry.expect("it is there").path();
                let seen = path.symlink_metadata().expect("it is there");
                let content = fs::read(&path).expect("it can be read");
                (path, seen.ino(), seen.mode(), seen.modified().expect("it has a time"), content)
            })
            .collect();
        all.sort();
        all
    }

    fn seen(&self, name: &str) -> (u64, u32, SystemTime, Vec<u8>) {
        let all = self.listing();
        let (_, inode, mode, time, content) =
            all.into_iter().find(|it| it.0 == self.path(name)).unwrap_or_else(|| panic!("{name} is gone"));
        (inode, mode, time, content)
    }

    /// Returns the leaf behind the current link, as a kubelet reads it.
    fn leaf(&self) -> certrotate_core::id::LeafDigest {
        let text = fs::read(self.path("kubelet-client-current.pem")).expect("the current link has a target");
        let read = pair::read(&text, &text, None).expect("it is a pair");
        assert_eq!(read.key.digest(), read.facts.key, "of one key");
        read.facts.leaf
    }
}

fn start(options: &NodeOptions) -> Running {
    let (tell, events) = watch::channel(vec![]);
    let (show, phase) = watch::channel(Phase::New);
    let observer = Box::new(move |seen: certrotate::driver::ObservedStep<'_>| {
        show.send_replace(seen.view.phase);
        for action in &seen.step.actions {
            if let Action::Report(event) = action {
                tell.send_modify(|all: &mut Vec<Event>| all.push(event.clone()));
            }
        }
    });
    let node = Node::new(options, observer).expect("the options are good");
    let (live, control) = (node.live(), node.control());
    Running { live, control, events, phase, task: tokio::spawn(node.run()) }
}

impl Running {
    async fn live(&self, generation: u32) -> Arc<Identity> {
        let mut shown = self.live.subscribe();
        let wanted = |now: &Option<Arc<Identity>>| {
            now.as_ref().is_some_and(|identity| identity.generation() >= Generation(generation))
        };
        let live = tokio::time::timeout(LONG, shown.wait_for(wanted)).await;
        let live = live.unwrap_or_else(|_| panic!("generation {generation}: {:?}", *self.events.borrow()));
        live.expect("it runs").clone().expect("it is live")
    }

    async fn adopts(&mut self) -> Place {
        let is_adopted = |event: &Event| match event {
            Event::Adopted { place, .. } => Some(*place),
            _ => None,
        };
        let waiting = self.events.wait_for(|all| all.iter().any(|event| is_adopted(event).is_some()));
        let seen = matches!(tokio::time::timeout(LONG, waiting).await, Ok(Ok(_)));
        assert!(seen, "waited for an adoption: {:?}", *self.events.borrow());
        self.events.borrow().iter().find_map(is_adopted).expect("it was seen")
    }

    /// Waits until there is nothing left to do.
    async fn rests(&mut self) {
        let waiting = self.phase.wait_for(|phase| *phase == Phase::Resting);
        assert!(matches!(tokio::time::timeout(LONG, waiting).await, Ok(Ok(_))), "it comes to rest");
    }

    async fn end(self) {
        self.control.shutdown();
        let ended = tokio::time::timeout(LONG, self.task).await.expect("it ends").expect("no panic");
        assert_eq!(ended, ExitReason::Shutdown);
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn kubelet_directory_is_adopted_and_can_be_taken_back() {
    let bench = Bench::new(HOUR).await;
    bench.left_by_a_kubelet().await;
    let (before, asked) = (bench.seen(DATED), bench.plane.stats().csrs_created);
    let mut node = bench.start_alone();
    let adopted = node.live(1).await;
    assert_eq!(node.adopts().await, Place::Current);
    let target = fs::read_link(bench.path("kubelet-client-current.pem")).expect("it is a link");
    assert!(target.to_string_lossy().ends_with("-1.1.pem") && target.is_relative(), "{target:?}");
    assert_eq!(bench.leaf(), adopted.leaf());
    assert_eq!(bench.plane.stats().csrs_created, asked, "no request is made");

    // The next request uses this identity: there is no bootstrap credential.
    tokio::time::timeout(LONG, async {
        while bench.plane.stats().csrs_created == asked {
            node.control.rotate_now();
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("it asks");
    let next = node.live(2).await;
    node.end().await;
    let stats = bench.plane.stats();
    assert_eq!((stats.unauthorized, stats.expired_uses, stats.open_csrs_max), (0, 0, 1));
    assert_eq!(bench.seen(DATED), before, "the kubelet's file is as it was");

    // A kubelet goes on with its own file; what is newer is ours, and is found again.
    bench.link(DATED);
    assert_eq!(bench.leaf(), adopted.leaf());
    let again = bench.start_alone();
    assert_eq!(again.live(1).await.leaf(), next.leaf());
    again.end().await;
    assert_eq!(bench.leaf(), next.leaf());
    assert_eq!(bench.seen(DATED), before);
}

#[tokio::test]
async fn f102_backdated_pair_is_not_due_when_it_is_adopted() {
    // By its notBefore, seven eighths of its lifetime are over when it is issued.
    let bench = Bench::backdated(HOUR, 7 * HOUR).await;
    bench.left_by_a_kubelet().await;
    let mut node = bench.start_alone();
    let adopted = node.live(1).await;
    node.rests().await;
    let point = node.events.borrow().iter().find_map(|event| match event {
        Event::Live { renew_at, .. } => Some(*renew_at),
        _ => None,
    });
    let point = point.expect("it is live");
    assert!(point > node.live.wall() && point < adopted.not_after(), "{point}");
    node.end().await;
}

#[tokio::test]
async fn pair_is_adopted_once() {
    let bench = Bench::new(HOUR).await;
    bench.left(|bench, certificate, key| bench.put(DATED, &format!("{key}{certificate}"))).await;
    let mut node = bench.start_alone();
    node.live(1).await;
    assert!(matches!(node.adopts().await, Place::Dated(_)), "there was no current link");
    node.end().await;
    let before = bench.listing();
    let again = bench.start_alone();
    again.live(1).await;
    again.end().await;
    assert_eq!(bench.listing(), before, "a second start changes nothing");
}

#[tokio::test]
async fn f58_current_file_is_copied_and_becomes_a_link() {
    let bench = Bench::new(HOUR).await;
    bench
        .left(|bench, certificate, key| {
            bench.put("kubelet-client-current.pem", &format!("{certificate}{key}"))
        })
        .await;
    let mut node = bench.start_alone();
    let adopted = node.live(1).await;
    assert_eq!(node.adopts().await, Place::Current);
    node.end().await;
    assert!(fs::read_link(bench.path("kubelet-client-current.pem")).is_ok());
    assert_eq!(bench.leaf(), adopted.leaf());
    assert_eq!(bench.listing().len(), 2, "nothing was moved aside: the copy has the old content");
}

#[tokio::test]
async fn f58_directory_copied_without_links_is_repaired() {
    let bench = Bench::new(HOUR).await;
    let node = start(&bench.options());
    let first = node.live(1).await;
    node.end().await;
    // As cp -L does it.
    let content = fs::read(bench.path("kubelet-client-current.pem")).expect("it is live");
    fs::remove_file(bench.path("kubelet-client-current.pem")).expect("it is ours");
    bench.put("kubelet-client-current.pem", std::str::from_utf8(&content).expect("it is text"));
    let again = bench.start_alone();
    assert_eq!(again.live(1).await.leaf(), first.leaf());
    again.end().await;
    assert!(fs::read_link(bench.path("kubelet-client-current.pem")).is_ok());
    assert_eq!(bench.listing().len(), 2);
}

#[tokio::test]
async fn split_pair_is_adopted_and_kept() {
    let bench = Bench::new(HOUR).await;
    bench
        .left(|bench, certificate, key| {
            bench.put("kubelet-client.crt", certificate);
            bench.put("kubelet-client.key", key);
        })
        .await;
    let before = (bench.seen("kubelet-client.crt"), bench.seen("kubelet-client.key"));
    let mut node = bench.start_alone();
    node.live(1).await;
    assert_eq!(node.adopts().await, Place::Split);
    node.end().await;
    assert_eq!((bench.seen("kubelet-client.crt"), bench.seen("kubelet-client.key")), before);
}

#[tokio::test]
async fn pair_of_another_node_is_not_used_and_not_changed() {
    let bench = Bench::new(HOUR).await;
    bench.left_by_a_kubelet().await;
    let before = bench.listing();
    let mut node = start(&NodeOptions { kubeconfig: None, node_name: "node-2".into(), ..bench.options() });
    let waiting =
        node.events.wait_for(|all| all.iter().any(|it| matches!(it, Event::CurrentLinkForeign { .. })));
    assert!(matches!(tokio::time::timeout(LONG, waiting).await, Ok(Ok(_))), "it says what is in the way");
    node.end().await;
    assert_eq!(bench.listing(), before);
}

#[tokio::test]
async fn s11_exposed_bundle_is_copied_into_a_private_file() {
    let bench = Bench::new(HOUR).await;
    let node = start(&bench.options());
    let first = node.live(1).await;
    node.end().await;
    let mut spoils: Vec<fn(&Path)> = vec![|path| {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("it is ours");
    }];
    if chown(bench.pki(), None, None).is_ok() && rustix::process::geteuid().is_root() {
        spoils.push(|path| chown(path, Some(65_534), None).expect("root may"));
    }
    for spoil in spoils {
        let target = fs::read_link(bench.path("kubelet-client-current.pem")).expect("it is a link");
        spoil(&bench.pki().join(&target));
        let mut node = bench.start_alone();
        assert_eq!(node.live(1).await.leaf(), first.leaf());
        assert!(matches!(node.adopts().await, Place::Exposed(_)));
        node.rests().await;
        node.end().await;
        let seen = fs::metadata(bench.path("kubelet-client-current.pem")).expect("it is live");
        assert_eq!((seen.mode() & 0o7777, seen.uid()), (0o600, rustix::process::geteuid().as_raw()));
        assert!(!bench.pki().join(target).exists(), "no readable copy of the key stays");
        assert_eq!(bench.leaf(), first.leaf());
    }
}

#[tokio::test]
async fn f62_pair_restored_during_a_run_is_adopted_without_request() {
    let bench = Bench::new(Duration::from_secs(10)).await;
    let mut node = start(&bench.options());
    let first = node.live(1).await;
    // Another copy of the node gets one that begins and ends later: certificates count in whole seconds.
    let (certificate, key) = loop {
        let (certificate, key) = bench.pair(&bench.dir.path().join("elsewhere")).await;
        let read = pair::read(certificate.as_bytes(), key.as_bytes(), None).expect("it is a pair");
        if read.facts.not_after > first.not_after() {
            break (certificate, key);
        }
    };
    let asked = bench.plane.stats().csrs_created;
    bench.put("new", &format!("{certificate}{key}"));
    fs::rename(bench.path("new"), bench.path("kubelet-client-current.pem")).expect("it is ours");
    assert_eq!(node.adopts().await, Place::Current, "it is read before anything is requested");
    let adopted = node.live(2).await;
    assert!(adopted.leaf() != first.leaf() && adopted.not_after() > first.not_after());
    assert_eq!(bench.plane.stats().csrs_created, asked);
    assert_eq!(bench.leaf(), adopted.leaf());
    node.live(3).await;
    node.end().await;
    assert_eq!(bench.plane.stats().expired_uses, 0);
}

#[tokio::test]
async fn cloned_node_with_a_new_name_requests_its_own_certificate() {
    let bench = Bench::new(HOUR).await;
    let node = start(&bench.options());
    let first = node.live(1).await;
    node.end().await;
    let copy = start(&NodeOptions { kubeconfig: None, node_name: "node-2".into(), ..bench.options() });
    let own = copy.live(2).await;
    assert_eq!(own.summary().subject.common_name, "system:node:node-2");
    assert_ne!(own.leaf(), first.leaf());
    copy.end().await;
    assert_eq!(bench.leaf(), own.leaf());
}
