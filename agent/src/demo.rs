//! `certrotate demo`: a node bootstraps and rotates against the embedded control plane, while a client keeps
//! asking the server who it is. All of it is real: TLS, files, keys, an API that kubectl could talk to.

mod busy;
pub mod chaos;
mod scratch;
mod summary;
mod timeline;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use certrotate_controlplane::{Approval, ControlPlane, Handle, Options as PlaneOptions};
use certrotate_core::event::Event;
use certrotate_core::id::Generation;
use certrotate_core::input::Action;
use certrotate_core::view::View;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior};

use crate::driver::{Observer, Seen};
use crate::node::{Node, NodeOptions};

use busy::Busy;
use scratch::Scratch;
pub use summary::Summary;
use timeline::Timeline;

/// How long the demo's certificates live.
pub const LIFE: Duration = Duration::from_secs(10);
/// How long the approver takes: long enough to see a request pending.
const APPROVAL: Duration = Duration::from_millis(250);
/// How often the progress line is drawn and the connections are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Requests that the last certificate must have carried before the demo ends.
const LAST_REQUESTS: u64 = 20;
/// Time beyond the certificates' lives after which something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);
const NODE: &str = "demo-node";

/// What a demo is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Renewals to wait for after the first certificate.
    pub rotations: u32,
    /// Where to keep all files; `None` removes them.
    pub keep: Option<PathBuf>,
}

/// What the observer tells of a step.
#[derive(Debug)]
enum Update {
    /// A certificate is live.
    Live(View),
    /// None is, because the last one ended.
    Withdrawn,
    /// A key is being made for this generation.
    Attempt(Generation),
    /// Something an operator would hear of.
    Trouble(String),
    /// So many files of ours are there.
    Files(usize),
}

/// Runs the demo until the rotations are done, `ended` returns, or it takes too long.
///
/// # Errors
///
/// It could not be set up.
pub async fn run(options: &Options, ended: impl Future<Output = ()>) -> Result<Summary, String> {
    let scratch = Scratch::new(options.keep.as_deref()).map_err(|error| error.to_string())?;
    let plane = ControlPlane::start(PlaneOptions {
        dir: Some(scratch.path().join("controlplane")),
        approve: Approval::After(APPROVAL),
        cluster_signing_duration: LIFE,
        ..PlaneOptions::default()
    })
    .await
    .map_err(|error| error.to_string())?;
    let cert_dir = scratch.path().join("pki");
    let (sender, events) = unbounded_channel();
    let node = Node::new(
        &NodeOptions {
            bootstrap_kubeconfig: plane.bootstrap_kubeconfig_path(),
            kubeconfig: Some(scratch.path().join("kubeconfig")),
            ..NodeOptions::new(NODE, &cert_dir)
        },
        observer(cert_dir.clone(), sender),
    )
    .map_err(|error| error.to_string())?;
    let control = node.control();
    let busy = Busy::start(node.client(), node.live());

    let mut show = Show::new(options.rotations, plane, busy, cert_dir);
    show.opening(scratch.path());
    let mut running = tokio::spawn(node.run());
    show.run(events, ended, &mut running).await;
    // The client first: at its end the node withdraws its identity, and with it the connections.
    let count = show.busy.stop().await;
    control.shutdown();
    // It ends by itself: at most a disk deadline after the last operation.
    let _ = (&mut running).await;
    let summary = show.close(count).await;
    scratch.end().map_err(|error| error.to_string())?;
    Ok(summary)
}

fn observer(cert_dir: PathBuf, events: UnboundedSender<Update>) -> Observer {
    Box::new(move |seen: Seen<'_>| {
        // The receiver is gone only when the demo is over.
        let tell = |event| drop(events.send(event));
        tell(Update::Files(count_files(&cert_dir)));
        let mut reports = seen.reports.iter();
        for action in &seen.step.actions {
            let report = if matches!(action, Action::Report(_)) { reports.next() } else { None };
            match action {
                Action::GoLive { .. } => tell(Update::Live(seen.view)),
                Action::Withdraw { .. } => tell(Update::Withdrawn),
                Action::Report(Event::AttemptStarted { generation }) => tell(Update::Attempt(*generation)),
                Action::Report(Event::Live { .. } | Event::RequestPending { .. }) => {}
                Action::Report(_) => tell(Update::Trouble(report.cloned().unwrap_or_default())),
                Action::Disk { .. }
                | Action::MakeKey { .. }
                | Action::Call { .. }
                | Action::Cancel { .. }
                | Action::Exit(_) => {}
            }
        }
    })
}

fn count_files(directory: &Path) -> usize {
    std::fs::read_dir(directory).map_or(0, |entries| entries.flatten().count())
}

/// The demo as it is shown, and what is counted.
struct Show {
    rotations: u32,
    plane: Handle,
    busy: Busy,
    cert_dir: PathBuf,
    timeline: Timeline,
    live: Option<View>,
    lapses: u32,
    files_max: usize,
    conditions: BTreeMap<String, String>,
    carriers: Vec<Generation>,
}

impl Show {
    fn new(rotations: u32, plane: Handle, busy: Busy, cert_dir: PathBuf) -> Self {
        Self {
            rotations,
            plane,
            busy,
            cert_dir,
            timeline: Timeline::new(),
            live: None,
            lapses: 0,
            files_max: 0,
            conditions: BTreeMap::new(),
            carriers: Vec::new(),
        }
    }

    fn opening(&mut self, directory: &Path) {
        self.timeline.title(&format!(
            "One node, {} renewals, certificates that live {} s, and a client that never stops asking.",
            self.rotations,
            LIFE.as_secs()
        ));
        self.timeline.event("control plane", &format!("ready at https://{}", self.plane.address()));
        self.timeline.event(
            "node",
            &format!("{NODE} starts with a bootstrap token; files in {}", directory.display()),
        );
    }

    async fn run(
        &mut self,
        mut events: UnboundedReceiver<Update>,
        ended: impl Future<Output = ()>,
        running: &mut tokio::task::JoinHandle<certrotate_core::input::ExitReason>,
    ) {
        let mut ended = std::pin::pin!(ended);
        let mut changes = self.plane.changes();
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let limit = Instant::now() + LIFE * (self.rotations + 1) + PATIENCE;
        while !self.is_done() {
            tokio::select! {
                Some(event) = events.recv() => self.happened(&event),
                Ok(()) = changes.changed() => self.requests(),
                _ = look.tick() => self.look(),
                () = &mut ended => {
                    self.timeline.event("interrupted", "ending now");
                    return;
                }
                _ = &mut *running => {
                    self.timeline.event("FAILED", "the node ended by itself");
                    return;
                }
                () = tokio::time::sleep_until(limit) => {
                    self.timeline.event("FAILED", "it takes too long; see the log with -v");
                    return;
                }
            }
        }
    }

    fn renewals(&self) -> u32 {
        self.live.and_then(|view| view.identity).map_or(0, |identity| identity.generation.0.saturating_sub(1))
    }

    fn is_done(&self) -> bool {
        self.renewals() >= self.rotations && self.busy.count().by_last_serial >= LAST_REQUESTS
    }

    fn happened(&mut self, event: &Update) {
        match event {
            Update::Files(count) => self.files_max = self.files_max.max(*count),
            Update::Live(view) => self.went_live(view),
            Update::Withdrawn => {
                self.lapses += 1;
                self.timeline.event("LAPSED", "the certificate ended before its successor was there");
            }
            Update::Attempt(generation) => match self.live.and_then(|view| view.identity) {
                None => self.timeline.event("key", &format!("made for certificate {generation}")),
                Some(identity) => {
                    let left = identity.not_after.since(self.busy.wall()).ms();
                    let (left, lifetime) = (Duration::from_millis(left), identity.lifetime().ms().max(1));
                    let spent = 100 - left.as_millis() as u64 * 100 / lifetime;
                    self.timeline.event(
                        "renewal",
                        &format!(
                            "{} of {} begins at {spent} % of the lifetime, {:.1} s before its end; new key",
                            generation.0.saturating_sub(1),
                            self.rotations,
                            left.as_secs_f64()
                        ),
                    );
                }
            },
            Update::Trouble(text) => self.timeline.event("note", text),
        }
    }

    fn went_live(&mut self, view: &View) {
        self.live = Some(*view);
        let Some(identity) = view.identity else { return };
        let serial = self.busy.live_serial().unwrap_or_default();
        let (.., hour, minute, second) = identity.not_after.civil();
        self.timeline.strong(
            &format!("LIVE {}", identity.generation),
            &format!(
                "serial {serial:.16}… valid until {hour:02}:{minute:02}:{second:02}Z in kubelet-client-{}",
                identity.name
            ),
        );
    }

    /// Shows what `kubectl get csr` would say, where that has changed.
    fn requests(&mut self) {
        for csr in self.plane.stats().csrs {
            let known = self.conditions.get(&csr.name);
            if known != Some(&csr.condition) {
                let text = format!("{:.18}…  {:<16} by {}", csr.name, csr.condition, csr.requestor);
                self.timeline.event("csr", &text);
                self.conditions.insert(csr.name, csr.condition);
            }
        }
    }

    fn look(&mut self) {
        let open = self.busy.connections();
        let carriers: Vec<Generation> = open.keys().copied().collect();
        if carriers != self.carriers && !carriers.is_empty() {
            let each: Vec<String> = open
                .iter()
                .map(|(generation, count)| format!("{count} with certificate {generation}"))
                .collect();
            self.timeline.event("connections", &each.join(", "));
            self.carriers = carriers;
        }
        let Some(identity) = self.live.and_then(|view| view.identity) else { return };
        let now = self.busy.wall();
        let seconds = |from, to: certrotate_core::time::WallTime| to.since(from).ms() as f64 / 1000.0;
        let count = self.busy.count();
        self.timeline.progress(&format!(
            "certificate {}: {:.1} s left, renewal in {:.1} s | {} requests, {} failed",
            identity.generation,
            seconds(now, identity.not_after),
            seconds(now, identity.renew_at),
            count.ok,
            count.failed
        ));
    }

    async fn close(mut self, count: busy::Count) -> Summary {
        let stats = self.plane.stats();
        let summary = Summary {
            rotations: self.renewals(),
            requests_ok: count.ok,
            requests_failed: count.failed,
            open_csrs_max: stats.open_csrs_max,
            files_max: self.files_max,
            files_end: count_files(&self.cert_dir),
            expired_uses: stats.expired_uses,
            requests_per_serial: count.by_serial,
            lapses: self.lapses,
            first_failure: count.first_failure,
        };
        self.timeline.finish(&summary);
        self.plane.shutdown().await;
        summary
    }
}

/// An error with the path that it is about.
fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
