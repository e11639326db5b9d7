//! `certrotate demo --chaos`: the agent is a process of its own that is killed, lied to and starved by a [plan], while
//! a client in this process takes its identity from the file and never stops asking.

mod child;
mod current;
mod disk;
pub mod plan;
mod summary;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use certrotate_controlplane::{Approval, ControlPlane, Handle, Options as PlaneOptions, Spoil};
use certrotate_core::id::Generation;
use tokio::time::Instant;

use super::busy::{Busy, Count};
use super::scratch::Scratch;
use super::timeline::Timeline;
use super::{APPROVAL, LAST_REQUESTS, LIFE, LOOK, NODE, PATIENCE, count_files};
use crate::connection::LiveClient;
use crate::identity::LiveIdentity;
use crate::kubeconfig::Kubeconfig;
use crate::status::socket;
use child::{Agent, Flags};
use current::Current;
use disk::Disk;
pub(crate) use disk::own_mounts;
use plan::{And, Fault, Full, Moment, Outage, Planned, Spoiled};
pub use summary::Summary;

/// How long a request is waited for after the signal that asks for it; after that the fault did not bite.
const BITE: Duration = Duration::from_secs(2);
/// How often a signal is repeated: it is ignored while the agent is at something else.
const AGAIN: Duration = Duration::from_millis(200);

/// What a run is told.
#[derive(Clone, Debug)]
pub struct Options {
    /// Says what goes wrong.
    pub seed: u64,
    /// Renewals to wait for after the first certificate.
    pub rotations: u32,
    /// Where to keep all files; `None` removes them.
    pub keep: Option<PathBuf>,
    /// Whether this process has mounts of its own, so that a disk can really be full.
    pub own_mounts: bool,
}

/// Runs the plan to its end, or until `ended` returns.
///
/// # Errors
///
/// It could not be set up.
pub async fn run(options: &Options, ended: impl Future<Output = ()>) -> Result<Summary, String> {
    let text = |error: std::io::Error| error.to_string();
    let scratch = Scratch::new(options.keep.as_deref()).map_err(text)?;
    let plane = ControlPlane::start(PlaneOptions {
        dir: Some(scratch.path().join("controlplane")),
        approve: Approval::After(APPROVAL),
        cluster_signing_duration: LIFE,
        ..PlaneOptions::default()
    })
    .await
    .map_err(|error| error.to_string())?;
    // A file system that is gone at the end keeps nothing.
    let disk = Disk::new(scratch.path(), options.own_mounts && options.keep.is_none()).map_err(text)?;
    let (Some(bootstrap), Some(dir)) = (plane.bootstrap_kubeconfig_path(), plane.dir()) else {
        return Err("the control plane has no directory".into());
    };
    let endpoint = Kubeconfig::read(&bootstrap).and_then(|kubeconfig| kubeconfig.endpoint());
    let endpoint = endpoint.map_err(|error| error.to_string())?;
    let flags = Flags {
        cert_dir: disk.cert_dir(),
        bootstrap_kubeconfig: bootstrap.clone(),
        kubeconfig: scratch.path().join("kubeconfig"),
        client_ca_file: dir.join("ca.crt"),
        node_name: NODE,
        log: scratch.path().join("agent.log"),
    };
    let live = LiveIdentity::default();
    let current = Current::follow(flags.cert_dir.join("kubelet-client-current.pem"), live.clone());
    let busy = Busy::start(LiveClient::new(endpoint, live.clone()), live.clone());
    let agent = Agent::start(flags).map_err(text)?;
    let planned = plan::plan(options.seed, options.rotations);
    let mut stage = Stage::new(plane, disk, agent, live, busy);
    stage.opening(options, &planned);
    let limit = LIFE * (options.rotations + 1) * 2 + PATIENCE;
    let failure = tokio::select! {
        result = stage.play(options.rotations, &planned) => result.err(),
        () = ended => Some("interrupted".to_owned()),
        () = tokio::time::sleep(limit) => Some("it takes too long".to_owned()),
    };
    drop(current);
    let summary = stage.close(options, planned, failure).await;
    scratch.end().map_err(text)?;
    Ok(summary)
}

/// The run as it goes on.
struct Stage {
    plane: Handle,
    disk: Disk,
    agent: Agent,
    live: LiveIdentity,
    busy: Busy,
    timeline: Timeline,
    began: Instant,
    outages: Duration,
    blunt: Vec<String>,
    files_max: usize,
}

impl Stage {
    fn new(plane: Handle, disk: Disk, agent: Agent, live: LiveIdentity, busy: Busy) -> Self {
        Self {
            plane,
            disk,
            agent,
            live,
            busy,
            timeline: Timeline::new(),
            began: Instant::now(),
            outages: Duration::ZERO,
            blunt: Vec::new(),
            files_max: 0,
        }
    }

    fn opening(&mut self, options: &Options, planned: &[Planned]) {
        let disk = if self.disk.is_real() {
            "a full disk is a tmpfs without room"
        } else {
            "a full disk is an injected fault: a real one needs root, and no --keep"
        };
        self.timeline.title(&format!(
            "Chaos, seed {}: {} renewals of certificates that live {} s; {disk}.",
            options.seed,
            options.rotations,
            LIFE.as_secs()
        ));
        for planned in planned {
            self.timeline.title(&format!("    {planned}"));
        }
    }

    /// One certificate after the other, each with its fault.
    async fn play(&mut self, rotations: u32, planned: &[Planned]) -> Result<(), String> {
        let mut next = Generation(1);
        for certificate in 1..=rotations {
            let began = self.until_live(certificate, next).await?;
            for planned in planned.iter().filter(|planned| planned.certificate == certificate) {
                tokio::time::sleep_until(began + Duration::from_millis(planned.at_ms)).await;
                self.timeline.event("fault", &planned.fault.to_string());
                // What the agent renewed before that is too old for the next fault to be over in time.
                next = self.next_generation();
                if planned.killed_before {
                    self.kill(Duration::ZERO).await?;
                    self.answers().await?;
                }
                if !self.strike(planned.fault).await? {
                    self.timeline.event("fault", "did not bite: the agent was at something else");
                    self.blunt.push(planned.to_string());
                }
            }
        }
        self.until_live(rotations + 1, next).await?;
        while self.busy.count().by_last_serial < LAST_REQUESTS {
            tokio::time::sleep(AGAIN).await;
        }
        self.agent.still_runs().map_err(|error| error.to_string())
    }

    fn next_generation(&self) -> Generation {
        self.live.current_now().map_or(Generation(0), |it| it.generation()).next()
    }

    /// Waits until the client has a certificate of this generation, or a later one; when that was.
    async fn until_live(&mut self, certificate: u32, generation: Generation) -> Result<Instant, String> {
        let mut shown = self.live.subscribe();
        let wanted =
            shown.wait_for(|now| now.as_ref().is_some_and(|identity| identity.generation() >= generation));
        let found = tokio::time::timeout(LIFE * 2, wanted).await;
        if !matches!(found, Ok(Ok(_))) {
            return Err(format!("certificate {certificate} did not come"));
        }
        self.files_max = self.files_max.max(count_files(&self.disk.cert_dir()));
        let serial = self.busy.live_serial().unwrap_or_default();
        let count = self.busy.count();
        self.timeline.strong(
            &format!("LIVE {certificate}"),
            &format!("serial {serial:.16}… | {} requests, {} failed", count.ok, count.failed),
        );
        Ok(Instant::now())
    }

    /// Lets a fault happen, and puts all right again. False if the agent was not there to feel it.
    async fn strike(&mut self, fault: Fault) -> Result<bool, String> {
        match fault {
            Fault::Kill { down_ms } => self.kill(Duration::from_millis(down_ms)).await.map(|()| true),
            Fault::KillInRenewal { after, down_ms } => {
                let bites = self.renewal(after).await?;
                self.kill(Duration::from_millis(down_ms)).await.map(|()| bites)
            }
            Fault::Outage { how, for_ms, rotate } => self.outage(how, for_ms, rotate).await,
            Fault::Slow { delay_ms } => {
                let next = self.next_generation();
                self.plane.faults().delay(Duration::from_millis(delay_ms));
                self.rotate()?;
                let came = self.until_live(next.0, next).await;
                self.plane.faults().clear();
                came.map(|_| true)
            }
            Fault::Denied => {
                self.plane.faults().deny_all(true);
                let bites = self.renewal_ends("Denied").await;
                self.plane.faults().clear();
                bites
            }
            Fault::Spoiled { how } => {
                self.plane.faults().spoil(match how {
                    Spoiled::WrongKey => Spoil::WrongKey,
                    Spoiled::WrongSubject => Spoil::WrongSubject,
                    Spoiled::ForeignCa => Spoil::ForeignCa,
                });
                let bites = self.renewal(Moment::Issued).await;
                self.plane.faults().clear();
                bites
            }
            Fault::FullDisk { from, for_ms } => self.full_disk(from, Duration::from_millis(for_ms)).await,
            Fault::Clock { by_ms, for_ms, and } => {
                self.clock(by_ms, Duration::from_millis(for_ms), and).await.map(|()| true)
            }
        }
    }

    async fn kill(&mut self, down: Duration) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        self.agent.kill().map_err(text)?;
        tokio::time::sleep(down).await;
        self.agent.start_again().map_err(text)
    }

    /// Waits until the agent that was started is there: a signal would end it before.
    async fn answers(&self) -> Result<(), String> {
        let directory = self.disk.cert_dir();
        let limit = Instant::now() + BITE;
        while socket::ask(&directory, "kubelet-client").await.is_none() {
            if Instant::now() > limit {
                return Err("the agent that was started again does not answer".into());
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    fn rotate(&mut self) -> Result<(), String> {
        self.agent.rotate().map_err(|error| error.to_string())
    }

    async fn outage(&mut self, how: Outage, for_ms: u64, rotate: bool) -> Result<bool, String> {
        let began = Instant::now();
        self.busy.outage(true);
        let faults = self.plane.faults();
        match how {
            Outage::Refused => faults.refuse_connections(true),
            Outage::Unavailable => faults.answer(503, None, None),
        };
        let rotated = if rotate { self.rotate() } else { Ok(()) };
        tokio::time::sleep_until(began + Duration::from_millis(for_ms)).await;
        self.plane.faults().clear();
        self.busy.outage(false);
        self.outages += began.elapsed();
        rotated.map(|()| true)
    }

    async fn full_disk(&mut self, from: Full, long: Duration) -> Result<bool, String> {
        let text = |error: std::io::Error| error.to_string();
        let bites = match from {
            Full::BeforeTheRequest => {
                self.disk.fill(&mut self.agent).map_err(text)?;
                self.rotate().map(|()| true)
            }
            Full::AfterTheRequest => {
                let bites = self.renewal(Moment::Created).await;
                self.disk.fill(&mut self.agent).map_err(text)?;
                bites
            }
        };
        tokio::time::sleep(long).await;
        self.disk.free(&mut self.agent).map_err(text)?;
        bites
    }

    async fn clock(&mut self, by: i64, long: Duration, and: And) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        self.agent.order(|orders| orders.wall = by).map_err(text)?;
        match and {
            And::Nothing => {}
            And::Rotate => self.rotate()?,
            And::Kill => self.kill(Duration::ZERO).await?,
        }
        tokio::time::sleep(long).await;
        self.agent.order(|orders| orders.wall = 0).map_err(text)
    }

    /// Begins a renewal and waits until this has happened to its request.
    async fn renewal(&mut self, until: Moment) -> Result<bool, String> {
        match until {
            Moment::Created => {
                let before = self.plane.stats().csrs_created;
                self.rotate_until(move |plane| plane.stats().csrs_created > before).await
            }
            Moment::Issued => self.renewal_ends("Approved,Issued").await,
        }
    }

    async fn renewal_ends(&mut self, condition: &'static str) -> Result<bool, String> {
        let count =
            move |plane: &Handle| plane.stats().csrs.iter().filter(|csr| csr.condition == condition).count();
        let before = count(&self.plane);
        self.rotate_until(move |plane| count(plane) > before).await
    }

    async fn rotate_until(&mut self, wanted: impl Fn(&Handle) -> bool) -> Result<bool, String> {
        let mut changes = self.plane.changes();
        let limit = Instant::now() + BITE;
        while Instant::now() < limit {
            self.rotate()?;
            let seen = changes.wait_for(|_| wanted(&self.plane));
            if matches!(tokio::time::timeout(AGAIN, seen).await, Ok(Ok(_))) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn close(mut self, options: &Options, faults: Vec<Planned>, failure: Option<String>) -> Summary {
        if let Some(failure) = &failure {
            self.timeline.event("FAILED", failure);
        }
        let Count { ok, failed, in_outages, by_serial, first_failure, .. } = self.busy.stop().await;
        let stats = self.plane.stats();
        let files_end = count_files(&self.disk.cert_dir());
        let kills = self.agent.kills;
        let ended = self.agent.end();
        let summary = Summary {
            seed: options.seed,
            rotations: u32::try_from(by_serial.len()).unwrap_or(u32::MAX).saturating_sub(1),
            requests_ok: ok,
            requests_failed: failed,
            requests_during_outage: in_outages,
            open_csrs_max: stats.open_csrs_max,
            files_max: self.files_max,
            files_end,
            expired_uses: stats.expired_uses,
            requests_per_serial: by_serial,
            kills,
            outages_ms: u64::try_from(self.outages.as_millis()).unwrap_or(u64::MAX),
            run_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            full_disk: if self.disk.is_real() { "tmpfs" } else { "injected" },
            faults,
            did_not_bite: self.blunt,
            failure: failure.or_else(|| match ended {
                Ok(Some(0)) => None,
                Ok(code) => Some(format!("the agent ended with {code:?} when asked to")),
                Err(error) => Some(error.to_string()),
            }),
            first_failure,
        };
        self.timeline.title("");
        for line in summary.to_string().lines() {
            self.timeline.title(line);
        }
        self.plane.shutdown().await;
        summary
    }
}
