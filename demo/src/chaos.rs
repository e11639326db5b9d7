//! `certrotate-demo --chaos`: the agent is a child process under the faults of a [plan], while a client in this process
//! reads its identity from the certificate file and sends requests all the time.

mod child;
mod current;
mod disk;
pub(crate) mod plan;
mod summary;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::time::Duration;

use certrotate_controlplane::{Approval, ControlPlane, Handle, Options as PlaneOptions, Spoil};
use certrotate_core::id::Generation;
use tokio::time::Instant;

use crate::files::count_files;
use crate::load::{Count, LoadClient};
use crate::scratch::Scratch;
use crate::settings::{APPROVAL, LAST_REQUESTS, LIFETIME, NODE, PATIENCE, REFRESH};
use crate::timeline::Timeline;
use certrotate::connection::LiveClient;
use certrotate::identity::LiveIdentity;
use certrotate::kubeconfig::Kubeconfig;
use certrotate::status;
use child::{Agent, Flags};
use current::Current;
use disk::Disk;
pub(crate) use disk::own_mounts;
use plan::{And, Fault, Full, Moment, Outage, Planned, Spoiled};
pub(crate) use summary::Summary;

/// The longest wait for a request after the signal that triggers it. After that the fault had no effect.
const PATIENCE_FOR_EFFECT: Duration = Duration::from_secs(2);
/// The interval between repeated signals: an agent that is client ignores them.
const RESEND: Duration = Duration::from_millis(200);

/// The options of a run.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The seed of the plan.
    pub(crate) seed: u64,
    /// Renewals to wait for after the first certificate.
    pub(crate) rotations: u32,
    /// Where to keep all files; `None` removes them.
    pub(crate) keep: Option<PathBuf>,
    /// Whether this process has mounts of its own, so that a disk can really be full.
    pub(crate) own_mounts: bool,
}

/// Runs the plan to its end, or until `ended` returns.
///
/// # Errors
///
/// It could not be set up.
pub(crate) async fn run(options: &Options, ended: impl Future<Output = ()>) -> Result<Summary, String> {
    let text = |error: std::io::Error| error.to_string();
    let scratch = Scratch::new(options.keep.as_deref()).map_err(text)?;
    let plane = ControlPlane::start(PlaneOptions {
        dir: Some(scratch.path().join("controlplane")),
        approve: Approval::After(APPROVAL),
        cluster_signing_duration: LIFETIME,
        ..PlaneOptions::default()
    })
    .await
    .map_err(|error| error.to_string())?;
    // A tmpfs is gone at the end: with `--keep` the files must be elsewhere.
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
    let client = LoadClient::start(LiveClient::new(endpoint, live.clone()), live.clone());
    let agent = Agent::start(flags).map_err(text)?;
    let planned = plan::plan(options.seed, options.rotations);
    let mut run = ChaosRun::new(plane, disk, agent, live, client);
    run.opening(options, &planned);
    let limit = LIFETIME * (options.rotations + 1) * 2 + PATIENCE;
    let failure = tokio::select! {
        result = run.play(options.rotations, &planned) => result.err(),
        () = ended => Some("interrupted".to_owned()),
        () = tokio::time::sleep(limit) => Some("it takes too long".to_owned()),
    };
    drop(current);
    let summary = run.close(options, planned, failure).await;
    scratch.end().map_err(text)?;
    Ok(summary)
}

/// The state of a run.
struct ChaosRun {
    plane: Handle,
    disk: Disk,
    agent: Agent,
    live: LiveIdentity,
    client: LoadClient,
    timeline: Timeline,
    began: Instant,
    outages: Duration,
    ineffective: Vec<String>,
    files_max: usize,
}

impl ChaosRun {
    fn new(plane: Handle, disk: Disk, agent: Agent, live: LiveIdentity, client: LoadClient) -> Self {
        Self {
            plane,
            disk,
            agent,
            live,
            client,
            timeline: Timeline::new(),
            began: Instant::now(),
            outages: Duration::ZERO,
            ineffective: Vec::new(),
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
            "Chaos, seed {}: {} renewals of {} s certificates; {disk}.",
            options.seed,
            options.rotations,
            LIFETIME.as_secs()
        ));
        for planned in planned {
            self.timeline.title(&format!("    {planned}"));
        }
    }

    /// Waits for one certificate after the other, and injects the fault of each.
    async fn play(&mut self, rotations: u32, planned: &[Planned]) -> Result<(), String> {
        let mut next = Generation(1);
        for certificate in 1..=rotations {
            let began = self.until_live(certificate, next).await?;
            for planned in planned.iter().filter(|planned| planned.certificate == certificate) {
                tokio::time::sleep_until(began + Duration::from_millis(planned.at_ms)).await;
                self.timeline.event("fault", &planned.fault.to_string());
                // The next fault must find a fresh certificate: one that the agent renewed before this fault is too old.
                next = self.next_generation();
                if planned.killed_before {
                    self.kill(Duration::ZERO).await?;
                    self.wait_for_answer().await?;
                }
                if !self.inject(planned.fault).await? {
                    self.timeline.event("fault", "did not bite: the agent was at something else");
                    self.ineffective.push(planned.to_string());
                }
            }
        }
        self.until_live(rotations + 1, next).await?;
        while self.client.count().by_last_serial < LAST_REQUESTS {
            tokio::time::sleep(RESEND).await;
        }
        self.agent.check_running().map_err(|error| error.to_string())
    }

    fn next_generation(&self) -> Generation {
        self.live.current_now().map_or(Generation(0), |it| it.generation()).next()
    }

    /// Waits until the client has a certificate of this generation or later, and returns the time.
    async fn until_live(&mut self, certificate: u32, generation: Generation) -> Result<Instant, String> {
        let mut shown = self.live.subscribe();
        let wanted =
            shown.wait_for(|now| now.as_ref().is_some_and(|identity| identity.generation() >= generation));
        let found = tokio::time::timeout(LIFETIME * 2, wanted).await;
        if !matches!(found, Ok(Ok(_))) {
            return Err(format!("certificate {certificate} did not come"));
        }
        self.files_max = self.files_max.max(count_files(&self.disk.cert_dir()));
        let serial = self.client.live_serial().unwrap_or_default();
        let count = self.client.count();
        self.timeline.strong(
            &format!("LIVE {certificate}"),
            &format!("serial {serial:.16}… | {} requests, {} failed", count.ok, count.failed),
        );
        Ok(Instant::now())
    }

    /// Injects a fault and clears it. Returns whether the fault had an effect on the agent.
    async fn inject(&mut self, fault: Fault) -> Result<bool, String> {
        match fault {
            Fault::Kill { down_ms } => self.kill(Duration::from_millis(down_ms)).await.map(|()| true),
            Fault::KillInRenewal { after, down_ms } => {
                let has_effect = self.renewal(after).await?;
                self.kill(Duration::from_millis(down_ms)).await.map(|()| has_effect)
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
                let has_effect = self.renewal_ends("Denied").await;
                self.plane.faults().clear();
                has_effect
            }
            Fault::Spoiled { how } => {
                self.plane.faults().spoil(match how {
                    Spoiled::WrongKey => Spoil::WrongKey,
                    Spoiled::WrongSubject => Spoil::WrongSubject,
                    Spoiled::ForeignCa => Spoil::ForeignCa,
                });
                let has_effect = self.renewal(Moment::Issued).await;
                self.plane.faults().clear();
                has_effect
            }
            Fault::FullDisk { from, for_ms } => self.full_disk(from, Duration::from_millis(for_ms)).await,
            Fault::Clock { by_ms, for_ms, and } => {
                self.step_clock(by_ms, Duration::from_millis(for_ms), and).await.map(|()| true)
            }
        }
    }

    async fn kill(&mut self, down: Duration) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        self.agent.kill().map_err(text)?;
        tokio::time::sleep(down).await;
        self.agent.start_again().map_err(text)
    }

    /// Waits until the restarted agent answers: before, SIGUSR1 would end it.
    async fn wait_for_answer(&self) -> Result<(), String> {
        let directory = self.disk.cert_dir();
        let limit = Instant::now() + PATIENCE_FOR_EFFECT;
        while status::published(&directory, "kubelet-client").await.is_none() {
            if Instant::now() > limit {
                return Err("the agent that was started again does not answer".into());
            }
            tokio::time::sleep(REFRESH).await;
        }
        Ok(())
    }

    fn rotate(&mut self) -> Result<(), String> {
        self.agent.rotate().map_err(|error| error.to_string())
    }

    async fn outage(&mut self, how: Outage, for_ms: u64, rotate: bool) -> Result<bool, String> {
        let began = Instant::now();
        self.client.set_outage(true);
        let faults = self.plane.faults();
        match how {
            Outage::Refused => faults.refuse_connections(true),
            Outage::Unavailable => faults.answer(503, None, None),
        };
        let rotated = if rotate { self.rotate() } else { Ok(()) };
        tokio::time::sleep_until(began + Duration::from_millis(for_ms)).await;
        self.plane.faults().clear();
        self.client.set_outage(false);
        self.outages += began.elapsed();
        rotated.map(|()| true)
    }

    async fn full_disk(&mut self, from: Full, long: Duration) -> Result<bool, String> {
        let text = |error: std::io::Error| error.to_string();
        let has_effect = match from {
            Full::BeforeTheRequest => {
                self.disk.fill(&mut self.agent).map_err(text)?;
                self.rotate().map(|()| true)
            }
            Full::AfterTheRequest => {
                let has_effect = self.renewal(Moment::Created).await;
                self.disk.fill(&mut self.agent).map_err(text)?;
                has_effect
            }
        };
        tokio::time::sleep(long).await;
        self.disk.free(&mut self.agent).map_err(text)?;
        has_effect
    }

    async fn step_clock(&mut self, by: i64, long: Duration, and: And) -> Result<(), String> {
        let text = |error: std::io::Error| error.to_string();
        self.agent.inject(|faults| faults.wall_ms = by).map_err(text)?;
        match and {
            And::Nothing => {}
            And::Rotate => self.rotate()?,
            And::Kill => self.kill(Duration::ZERO).await?,
        }
        tokio::time::sleep(long).await;
        self.agent.inject(|faults| faults.wall_ms = 0).map_err(text)
    }

    /// Starts a renewal and waits for this moment of its request.
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
        let limit = Instant::now() + PATIENCE_FOR_EFFECT;
        while Instant::now() < limit {
            self.rotate()?;
            let seen = changes.wait_for(|_| wanted(&self.plane));
            if matches!(tokio::time::timeout(RESEND, seen).await, Ok(Ok(_))) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn close(mut self, options: &Options, faults: Vec<Planned>, failure: Option<String>) -> Summary {
        if let Some(failure) = &failure {
            self.timeline.event("FAILED", failure);
        }
        let Count { ok, failed, in_outages, by_serial, first_failure, .. } = self.client.stop().await;
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
            did_not_bite: self.ineffective,
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
