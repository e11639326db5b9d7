//! Combines the scan of the disk with the agent's published status.

use std::collections::BTreeMap;

use certrotate_core::config::ConfigSpec;
use certrotate_core::disk::{DiskFault, Name};
use certrotate_core::judge::Refusal;
use certrotate_core::time::{Span, WallTime};
use certrotate_core::timing::FULL_LIFETIME;
use certrotate_store::Fault;
use certrotate_x509::request_name;

use super::bootstrap_fallback::bootstrap_fallback;
use super::disk::{Held, OnDisk, wanted};
use super::published::Published;
use super::reasons::{command, ended, silence};
use super::timing::for_life;
use super::types::{
    Agent, AgentState, Answer, Clock, File, Identity, Question, Renewal, Request, Status, Unsaved, span,
};

/// Clocks of two processes are read one after the other.
const SAME_CLOCK: Span = Span::from_secs(2);

/// The inputs of a status.
pub(super) struct Material<'a> {
    pub(super) question: &'a Question,
    pub(super) published: Option<&'a Published>,
    pub(super) answer: &'a Answer,
    pub(super) disk: Option<&'a OnDisk>,
    pub(super) config: ConfigSpec,
    pub(super) now: WallTime,
    /// The build time of this program.
    pub(super) built: WallTime,
}

pub(super) fn assemble(
    question: &Question,
    answer: Answer,
    looked: Result<OnDisk, Fault>,
    (now, built): (WallTime, WallTime),
) -> Result<Status, Fault> {
    let (disk, missing) = match looked {
        Ok(disk) => (Some(disk), None),
        Err(fault) if fault.kind == DiskFault::NoDirectory => (None, Some(fault.to_string())),
        Err(fault) => return Err(fault),
    };
    let published = match &answer {
        Answer::Running(published) => Some(&**published),
        Answer::Silent { .. } | Answer::Stopped => None,
    };
    let named = question.node_name.clone();
    let told_name =
        published.and_then(|published| published.common_name.strip_prefix("system:node:").map(str::to_owned));
    let node = named.or(told_name).or_else(|| disk.as_ref().and_then(OnDisk::node)).unwrap_or_default();
    let config = wanted(&node, question.client_ca.is_some());
    let material = Material { question, published, answer: &answer, disk: disk.as_ref(), config, now, built };
    Ok(material.status(missing))
}

impl Material<'_> {
    fn status(&self, missing: Option<String>) -> Status {
        let linked = self.disk.and_then(OnDisk::linked);
        let path = self.published.and_then(|published| published.bootstrap_kubeconfig.clone());
        let path = self.question.bootstrap_kubeconfig.clone().or(path);
        let bootstrap_fallback = bootstrap_fallback(path.as_deref(), self.published, self.now);
        let request = self.request(linked);
        let clock = self.clock();
        let (verdict, mut because) = self.verdict(linked, request.as_ref(), &clock, &bootstrap_fallback);
        because.extend(missing);
        Status {
            verdict,
            because,
            directory: self.question.cert_dir.clone(),
            identity: linked.map(|held| self.identity(held)),
            renewal: linked.and_then(|held| self.renewal(held)),
            pending: self.pending(linked),
            previous: self.disk.and_then(OnDisk::previous).map(|held| self.file(held)),
            unsaved: self.published.and_then(|published| {
                published.unsaved.map(|generation| Unsaved { generation, served: published.from_memory })
            }),
            held: self.held(),
            request,
            bootstrap_fallback,
            clock,
            agent: self.agent(),
            timing_ms: self.timing(linked),
            notes: self.notes(),
        }
    }

    fn timing(&self, linked: Option<&Held>) -> BTreeMap<&'static str, u64> {
        let lifetime = linked.map_or(FULL_LIFETIME, |held| held.end().since(held.start()));
        for_life(&self.config.timing, lifetime).into_iter().map(|(name, time)| (name, time.ms())).collect()
    }

    pub(super) fn path(&self, name: Name) -> std::path::PathBuf {
        self.question.cert_dir.join(self.question.pair.file_name(name))
    }

    fn identity(&self, held: &Held) -> Identity {
        let (start, end) = (held.start(), held.end());
        let lifetime = end.since(start).ms().max(1);
        Identity {
            generation: held.generation().0,
            serial: held.leaf.serial.to_uppercase(),
            subject: held.leaf.subject.to_string(),
            not_before: held.bundle.facts.not_before.to_string(),
            not_after: end.to_string(),
            age_percent: self.now.since(start).scaled(100, lifetime).ms(),
            left_seconds: end.since(self.now).ms() / 1000,
            file: self.path(held.name),
            link: self.path(Name::Current),
            left: span(self.now, end),
        }
    }

    /// Returns the renewal. Its time is a pure function of the certificate, so it is known without an agent.
    fn renewal(&self, held: &Held) -> Option<Renewal> {
        if self.published.is_some_and(|published| !published.rotates) {
            return None;
        }
        let (start, end) = (held.start(), held.end());
        let times = &self.config.timing;
        let at = times.renewal_point(start, end, &held.bundle.facts.leaf);
        let lifetime = end.since(start);
        let part = at.since(start).scaled(1000, lifetime.ms().max(1)).ms();
        let why = format!(
            "{}.{} % of its lifetime of {lifetime}: between {} and {} %, drawn from the certificate itself, so that no restart moves it",
            part / 10,
            part % 10,
            times.renewal.from / 10,
            times.renewal.to / 10,
        );
        let in_seconds = at.since(self.now).ms() / 1000;
        Some(Renewal { at: at.to_string(), in_seconds, why, state: self.doing(at), wait: span(self.now, at) })
    }

    fn doing(&self, at: WallTime) -> String {
        let due = self.now >= at;
        match self.answer {
            Answer::Stopped if due => "due, and no agent runs to do it; start certrotate run".into(),
            Answer::Stopped => "no agent runs; start certrotate run before then".into(),
            Answer::Silent { why, .. } => format!("no agent answers: {why}"),
            Answer::Running(published) => match (published.attempt, &published.gate) {
                (Some(generation), _) => format!("certificate {generation} is being requested"),
                (None, Some((wait, why))) if due => {
                    format!("due; the next request in {}: {why}", Span::from_ms(*wait))
                }
                (None, _) if due => "due; under way".into(),
                (None, _) => "waiting".into(),
            },
        }
    }

    fn request(&self, linked: Option<&Held>) -> Option<Request> {
        let pending = self.disk.and_then(|disk| disk.pending.as_ref());
        let pending =
            pending.filter(|(_, found)| linked.is_none_or(|held| found.generation > held.generation()));
        let asked = self.published.and_then(|published| published.request.as_ref());
        let name = match (asked, pending) {
            (Some(asked), _) => asked.name.clone(),
            (None, Some((_, found))) => request_name(&found.request),
            (None, None) => return None,
        };
        let file = pending.filter(|(_, found)| request_name(&found.request) == name);
        let made = file.map(|(_, found)| found.made);
        Some(Request {
            generation: file.map(|(_, found)| found.generation.0),
            made: made.map(|made| made.to_string()),
            age_seconds: made.map(|made| self.now.since(made).ms() / 1000),
            conditions: asked.map(|asked| asked.conditions.clone()),
            command: command(&name, asked, self.published),
            unknown: match self.answer {
                Answer::Running(_) => "the agent has no answer of the server about it yet",
                Answer::Silent { .. } => "conditions not known: the agent does not answer",
                Answer::Stopped => "conditions not known: no agent runs",
            },
            age: made.map(|made| span(made, self.now)).unwrap_or_default(),
            name,
        })
    }

    fn pending(&self, linked: Option<&Held>) -> Option<File> {
        let (name, found) = self.disk?.pending.as_ref()?;
        let over = linked.is_some_and(|held| found.generation <= held.generation());
        let asked = self.published.and_then(|published| published.request.as_ref());
        let retired = asked.is_some_and(|asked| {
            asked.name == request_name(&found.request) && asked.conditions.iter().any(|it| ended(it))
        });
        let what = match (over, retired) {
            (true, _) => "left over",
            (_, true) => "its key is retired; the file counts the attempts that came to nothing",
            (false, false) => "key and request, resumed at the next start",
        };
        Some(File { generation: found.generation.0, path: self.path(*name), what: what.into() })
    }

    fn file(&self, held: &Held) -> File {
        let what = match held.judge(&self.config, self.now) {
            Ok(()) => format!("valid until {}", held.end()),
            Err(Refusal::Expired { not_after, .. }) => format!("ended at {not_after}"),
            Err(refusal) => refusal.to_string(),
        };
        File { generation: held.generation().0, path: self.path(held.name), what }
    }

    fn held(&self) -> Option<File> {
        let held = self.disk?.early(&self.config, self.now)?;
        let start = held.bundle.facts.not_before;
        let waits = self.published.is_some_and(|published| published.waits_for == Some(start.unix_ms()));
        let waits = if waits { "; the agent waits for it and requests no other until then" } else { "" };
        let what = format!("starts at {start}, in {}{waits}", span(self.now, start));
        Some(File { generation: held.generation().0, path: self.path(held.name), what })
    }

    fn clock(&self) -> Clock {
        let mut notes = Vec::new();
        let at = |ms: i64| WallTime::from_unix_ms(ms);
        let agents = self.published.and_then(|published| published.built_later).map(at);
        let own = Some(self.built).filter(|built| self.published.is_none() && self.now < *built);
        if let Some(built) = agents.or(own) {
            notes.push(format!(
                "it shows less than {built}, when the program was built: until it is set, an agent requests nothing and removes nothing; check the clock"
            ));
        }
        if let Some(newest) = self.disk.and_then(OnDisk::newest_issue)
            && newest > self.now.plus(SAME_CLOCK)
        {
            notes.push(format!(
                "it shows less than at the newest issue ({newest}): it went back, or is not set yet; check the clock"
            ));
        }
        if let Some(published) = self.published {
            let theirs = at(published.now);
            let apart = theirs.since(self.now).max(self.now.since(theirs));
            if apart > SAME_CLOCK {
                notes.push(format!("the agent's clock shows {theirs}, {apart} apart"));
            }
            for (when, by) in &published.jumps {
                let (way, by) = (if *by > 0 { "forward" } else { "back" }, Span::from_ms(by.unsigned_abs()));
                notes.push(format!("it was set {way} by {by}, to {}", at(*when)));
            }
        }
        Clock { now: self.now.to_string(), notes }
    }

    fn agent(&self) -> Agent {
        let none = Agent {
            state: AgentState::Stopped,
            pid: None,
            phase: None,
            since: None,
            next: None,
            silence: None,
            lost_log_lines: None,
            log_fault: None,
            stuck_log_lines: None,
        };
        match self.answer {
            Answer::Stopped => none,
            Answer::Silent { pid, why } => {
                Agent { state: AgentState::Silent, pid: *pid, silence: Some(silence(*pid, why)), ..none }
            }
            Answer::Running(published) => Agent {
                state: AgentState::Running,
                pid: Some(published.pid),
                phase: Some(published.phase.clone()),
                since: Some(WallTime::from_unix_ms(published.started).to_string()),
                next: published
                    .next
                    .as_ref()
                    .map(|(wait, what)| format!("{what} in {}", Span::from_ms(*wait))),
                silence: None,
                lost_log_lines: Some(published.lost_log_lines),
                log_fault: published.log_fault.clone(),
                stuck_log_lines: Some(published.stuck_log_lines),
            },
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.disk.map(|disk| disk.remarks.clone()).unwrap_or_default();
        for name in self.disk.iter().flat_map(|disk| &disk.quarantined) {
            notes.push(format!("{} was moved aside; look at it, then remove it", self.path(*name).display()));
        }
        for (at, line) in self.published.iter().flat_map(|published| &published.trouble) {
            notes.push(format!("{}: {line}", WallTime::from_unix_ms(*at)));
        }
        notes
    }
}
