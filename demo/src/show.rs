//! The plain demo: some renewals on a timeline, while a client sends requests all the time.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use certrotate::driver::{ObservedStep, Observer};
use certrotate::node::{Node, NodeOptions};
use certrotate_controlplane::{Approval, ControlPlane, Handle, Options as PlaneOptions};
use certrotate_core::event::Event;
use certrotate_core::id::Generation;
use certrotate_core::input::Action;
use certrotate_core::view::View;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{Instant, MissedTickBehavior};

use crate::files::count_files;
use crate::load::{Count, LoadClient};
use crate::scratch::Scratch;
use crate::settings::{APPROVAL, LAST_REQUESTS, LIFETIME, NODE, PATIENCE, REFRESH};
use crate::summary::Summary;
use crate::timeline::Timeline;

/// The options of a demo.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Renewals to wait for after the first certificate.
    pub(crate) rotations: u32,
    /// Where to keep all files; `None` removes them.
    pub(crate) keep: Option<PathBuf>,
}

/// The observer's message about a step.
#[derive(Debug)]
enum Update {
    /// A certificate is live.
    Live(View),
    /// No certificate is live, because the last one expired.
    Withdrawn,
    /// A key is being made for this generation.
    Attempt(Generation),
    /// A line for the operator.
    Trouble(String),
    /// The number of files in the certificate directory.
    Files(usize),
}

/// Runs the demo until the rotations are done, `ended` returns, or it takes too long.
///
/// # Errors
///
/// It could not be set up.
pub(crate) async fn run(options: &Options, ended: impl Future<Output = ()>) -> Result<Summary, String> {
    let scratch = Scratch::new(options.keep.as_deref()).map_err(|error| error.to_string())?;
    let plane = ControlPlane::start(PlaneOptions {
        dir: Some(scratch.path().join("controlplane")),
        approve: Approval::After(APPROVAL),
        cluster_signing_duration: LIFETIME,
        ..PlaneOptions::default()
    })
    .await
    .map_err(|error| error.to_string())?;
    let cert_dir = scratch.path().join("pki");
    let (sender, updates) = unbounded_channel();
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
    let client = LoadClient::start(node.client(), node.live());

    let mut demo = DemoRun::new(options.rotations, plane, client, cert_dir);
    demo.print_opening(scratch.path());
    let mut running = tokio::spawn(node.run());
    demo.run(updates, ended, &mut running).await;
    // The client first: a node that ends withdraws its identity and closes the client's connections.
    let count = demo.client.stop().await;
    control.shutdown();
    // It always ends: at most a disk deadline after the last operation.
    let _ = (&mut running).await;
    let summary = demo.finish(count).await;
    scratch.end().map_err(|error| error.to_string())?;
    Ok(summary)
}

fn observer(cert_dir: PathBuf, updates: UnboundedSender<Update>) -> Observer {
    Box::new(move |seen: ObservedStep<'_>| {
        // The receiver is dropped only when the demo ended.
        let send = |update| drop(updates.send(update));
        send(Update::Files(count_files(&cert_dir)));
        let mut reports = seen.reports.iter();
        for action in &seen.step.actions {
            let report = if matches!(action, Action::Report(_)) { reports.next() } else { None };
            match action {
                Action::GoLive { .. } => send(Update::Live(seen.view)),
                Action::Withdraw { .. } => send(Update::Withdrawn),
                Action::Report(Event::AttemptStarted { generation }) => send(Update::Attempt(*generation)),
                Action::Report(Event::Live { .. } | Event::RequestPending { .. }) => {}
                Action::Report(_) => send(Update::Trouble(report.cloned().unwrap_or_default())),
                Action::Disk { .. }
                | Action::MakeKey { .. }
                | Action::Call { .. }
                | Action::Cancel { .. }
                | Action::Exit(_) => {}
            }
        }
    })
}

/// The state of a demo, and its counts.
struct DemoRun {
    rotations: u32,
    plane: Handle,
    client: LoadClient,
    cert_dir: PathBuf,
    timeline: Timeline,
    live: Option<View>,
    lapses: u32,
    files_max: usize,
    conditions: BTreeMap<String, String>,
    carriers: Vec<Generation>,
}

impl DemoRun {
    fn new(rotations: u32, plane: Handle, client: LoadClient, cert_dir: PathBuf) -> Self {
        Self {
            rotations,
            plane,
            client,
            cert_dir,
            timeline: Timeline::new(),
            live: None,
            lapses: 0,
            files_max: 0,
            conditions: BTreeMap::new(),
            carriers: Vec::new(),
        }
    }

    fn print_opening(&mut self, directory: &Path) {
        self.timeline.title(&format!(
            "One node, {} renewals, {} s certificates, and a client that sends requests all the time.",
            self.rotations,
            LIFETIME.as_secs()
        ));
        self.timeline.event("control plane", &format!("ready at https://{}", self.plane.address()));
        self.timeline.event(
            "node",
            &format!("{NODE} starts with a bootstrap token; files in {}", directory.display()),
        );
    }

    async fn run(
        &mut self,
        mut updates: UnboundedReceiver<Update>,
        ended: impl Future<Output = ()>,
        running: &mut tokio::task::JoinHandle<certrotate_core::input::ExitReason>,
    ) {
        let mut ended = std::pin::pin!(ended);
        let mut changes = self.plane.changes();
        let mut refresh = tokio::time::interval(REFRESH);
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let limit = Instant::now() + LIFETIME * (self.rotations + 1) + PATIENCE;
        while !self.is_done() {
            tokio::select! {
                Some(update) = updates.recv() => self.apply(&update),
                Ok(()) = changes.changed() => self.show_requests(),
                _ = refresh.tick() => self.refresh(),
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
        self.renewals() >= self.rotations && self.client.count().by_last_serial >= LAST_REQUESTS
    }

    fn apply(&mut self, update: &Update) {
        match update {
            Update::Files(count) => self.files_max = self.files_max.max(*count),
            Update::Live(view) => self.went_live(view),
            Update::Withdrawn => {
                self.lapses += 1;
                self.timeline.event("LAPSED", "the certificate expired before its successor was live");
            }
            Update::Attempt(generation) => match self.live.and_then(|view| view.identity) {
                None => self.timeline.event("key", &format!("made for certificate {generation}")),
                Some(identity) => {
                    let left = identity.not_after.since(self.client.wall()).ms();
                    let (left, lifetime) = (Duration::from_millis(left), identity.lifetime().ms().max(1));
                    let spent = 100 - left.as_millis() as u64 * 100 / lifetime;
                    self.timeline.event(
                        "renewal",
                        &format!(
                            "{} of {} begins at {spent} % of the lifetime, {:.1} s before expiry; new key",
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
        let serial = self.client.live_serial().unwrap_or_default();
        let (.., hour, minute, second) = identity.not_after.civil();
        self.timeline.strong(
            &format!("LIVE {}", identity.generation),
            &format!(
                "serial {serial:.16}… valid until {hour:02}:{minute:02}:{second:02}Z in kubelet-client-{}",
                identity.name
            ),
        );
    }

    /// Shows the conditions of requests as `kubectl get csr` does, if they have changed.
    fn show_requests(&mut self) {
        for csr in self.plane.stats().csrs {
            let shown = self.conditions.get(&csr.name);
            if shown != Some(&csr.condition) {
                let text = format!("{:.18}…  {:<16} by {}", csr.name, csr.condition, csr.requestor);
                self.timeline.event("csr", &text);
                self.conditions.insert(csr.name, csr.condition);
            }
        }
    }

    fn refresh(&mut self) {
        let open = self.client.connections();
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
        let now = self.client.wall();
        let seconds = |from, to: certrotate_core::time::WallTime| to.since(from).ms() as f64 / 1000.0;
        let count = self.client.count();
        self.timeline.progress(&format!(
            "certificate {}: {:.1} s left, renewal in {:.1} s | {} requests, {} failed",
            identity.generation,
            seconds(now, identity.not_after),
            seconds(now, identity.renew_at),
            count.ok,
            count.failed
        ));
    }

    async fn finish(mut self, count: Count) -> Summary {
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
