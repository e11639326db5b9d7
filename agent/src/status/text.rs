//! The status as a table for people.

use std::fmt::{self, Write as _};
use std::path::Path;

use certrotate_core::time::Span;

use super::types::{Agent, AgentState, Clock, File, Identity, Renewal, Request, Status, Verdict};

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Valid => "VALID",
            Self::Degraded => "DEGRADED",
            Self::Expired => "EXPIRED",
            Self::None => "NONE",
        })
    }
}

/// Rows of a name and one or more lines.
struct Table<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Table<'_, '_> {
    fn row(&mut self, name: &str, lines: impl IntoIterator<Item = String>) -> fmt::Result {
        for (number, line) in lines.into_iter().enumerate() {
            writeln!(self.0, "{:<10}  {line}", if number == 0 { name } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table(f);
        let verdict = self.verdict.to_string();
        let mut first = vec![verdict];
        first.extend(self.because.iter().cloned());
        table.row("status", first)?;
        table.row("identity", identity(self.identity.as_ref()))?;
        table.row("renewal", renewal(self.renewal.as_ref(), self.identity.is_some()))?;
        table.row("request", request(self.request.as_ref()))?;
        table.row("pending", file(self.pending.as_ref()))?;
        table.row("previous", file(self.previous.as_ref()))?;
        let unsaved = self.unsaved.map(|it| {
            let how = if it.served { "is served from" } else { "is in" };
            format!("certificate {} {how} the agent's memory only, so far", it.generation)
        });
        table.row("unsaved", [unsaved.unwrap_or_else(|| "nothing".into())])?;
        table.row("held", file(self.held.as_ref()))?;
        let usable = match self.bootstrap_fallback.usable {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "not known",
        };
        let place = self.bootstrap_fallback.bootstrap_kubeconfig.as_deref().map(Path::display);
        let place = place.map(|path| format!(" {path}:")).unwrap_or_default();
        table.row("fallback", [format!("{usable},{place} {}", self.bootstrap_fallback.what)])?;
        table.row("clock", clock(&self.clock))?;
        table.row("agent", agent(&self.agent))?;
        table.row("notes", self.notes.iter().cloned())
    }
}

impl Status {
    /// The timing parameters, a line each.
    #[must_use]
    pub fn timing(&self) -> String {
        let mut text = String::from("timing parameters for certificates of this lifetime, without jitter:\n");
        for (name, ms) in &self.timing_ms {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {name:<17} {}", Span::from_ms(*ms));
        }
        text
    }
}

fn identity(identity: Option<&Identity>) -> Vec<String> {
    let Some(it) = identity else { return vec!["none".into()] };
    let left = if it.left_seconds == 0 { "expired".to_owned() } else { format!("{} left", it.left) };
    vec![
        format!("certificate {}, serial {}", it.generation, it.serial),
        it.subject.clone(),
        format!(
            "valid from {} until {}: {} % of its lifetime gone, {left}",
            it.not_before, it.not_after, it.age_percent
        ),
        format!("{} -> {}", it.link.display(), file_name(&it.file)),
    ]
}

fn renewal(renewal: Option<&Renewal>, live: bool) -> Vec<String> {
    match renewal {
        None if live => vec!["never by itself: --rotate-certificates=false".into()],
        None => vec!["nothing to renew".into()],
        Some(it) => {
            let wait = if it.in_seconds == 0 { String::new() } else { format!(", in {}", it.wait) };
            vec![format!("at {}{wait}: {}", it.at, it.state), it.why.clone()]
        }
    }
}

fn request(request: Option<&Request>) -> Vec<String> {
    let Some(it) = request else { return vec!["none is open".into()] };
    let conditions = match &it.conditions {
        Some(conditions) => conditions.join(","),
        None => it.unknown.into(),
    };
    let mut line = format!("{}  {conditions}", it.name);
    if let Some(generation) = it.generation {
        // Writing to a string cannot fail.
        let _ = write!(line, ", for certificate {generation}, made {} ago", it.age);
    }
    vec![line, it.command.clone()]
}

fn file(file: Option<&File>) -> Vec<String> {
    match file {
        None => vec!["nothing".into()],
        Some(it) => vec![format!("certificate {}, {}: {}", it.generation, file_name(&it.path), it.what)],
    }
}

fn clock(clock: &Clock) -> Vec<String> {
    let mut lines = vec![clock.now.clone()];
    lines.extend(clock.notes.iter().cloned());
    lines
}

fn agent(agent: &Agent) -> Vec<String> {
    let mut lines = vec![agent_state(agent)];
    if let Some(lost) = agent.lost_log_lines.filter(|lost| *lost > 0) {
        let why = agent.log_fault.as_deref().unwrap_or("for an unknown reason");
        lines.push(format!("its log has lost {lost} lines: {why}; check where its standard error goes"));
    }
    if let Some(stuck) = agent.stuck_log_lines.filter(|stuck| *stuck > 0) {
        lines.push(format!("its log is stuck: {stuck} lines wait; check the reader of its standard error"));
    }
    lines
}

fn agent_state(agent: &Agent) -> String {
    let pid = agent.pid.unwrap_or_default();
    match agent.state {
        AgentState::Running => {
            let next = agent.next.as_ref().map(|next| format!("; {next}")).unwrap_or_default();
            let phase = agent.phase.as_deref().unwrap_or("unknown");
            let since = agent.since.as_deref().unwrap_or("unknown");
            format!("runs since {since} as process {pid}: {phase}{next}")
        }
        AgentState::Silent => agent.silence.clone().unwrap_or_else(|| "does not answer".into()),
        AgentState::Stopped => "stopped".into(),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
