//! The verdict, and the problems that need the operator.

use certrotate_core::disk::{CurrentLink, Name};
use certrotate_core::judge::Refusal;
use certrotate_core::time::{Span, WallTime};

use super::assemble::Material;
use super::disk::Held;
use super::reasons::{
    agents_trouble, disk_failures, failing_calls, key_failures, no_fallback, silence, unsaved,
};
use super::types::{Answer, BootstrapFallback, Clock, Request, Verdict, span};

impl Material<'_> {
    pub(super) fn verdict(
        &self,
        linked: Option<&Held>,
        request: Option<&Request>,
        clock: &Clock,
        bootstrap_fallback: &BootstrapFallback,
    ) -> (Verdict, Vec<String>) {
        let judged = linked.map(|held| (held, held.judge(&self.config, self.now)));
        let from_memory =
            self.published.filter(|published| published.from_memory && published.serving.is_some());
        let (held, judged) = match (judged, from_memory) {
            (Some((held, Ok(()))), _) => (held, Ok(())),
            (judged, Some(published)) => {
                let mut because = unsaved(published);
                because.push(match judged {
                    Some((held, Err(refusal))) => format!("certificate {}: {refusal}", held.generation()),
                    Some((_, Ok(()))) | None => self.why_none(),
                });
                return (Verdict::Degraded, because);
            }
            (None, None) => {
                let mut because = vec![self.why_none()];
                because.extend(self.obstacles(request, clock));
                return (Verdict::None, because);
            }
            (Some(judged), None) => judged,
        };
        match judged {
            Ok(()) => {
                let because = self.trouble(held, request, clock, bootstrap_fallback);
                (if because.is_empty() { Verdict::Valid } else { Verdict::Degraded }, because)
            }
            Err(refusal @ Refusal::Expired { .. }) => {
                let mut because = vec![format!("certificate {}: {refusal}", held.generation())];
                because.extend(self.obstacles(request, clock));
                because.extend(no_fallback(bootstrap_fallback));
                (Verdict::Expired, because)
            }
            Err(refusal) => {
                let mut because = vec![format!("certificate {}: {refusal}", held.generation())];
                because.extend(self.obstacles(request, clock));
                (Verdict::None, because)
            }
        }
    }

    /// Returns what stands between a node without a valid certificate and its next one.
    fn obstacles(&self, request: Option<&Request>, clock: &Clock) -> Vec<String> {
        let mut because = Vec::new();
        match self.answer {
            Answer::Stopped => because.push("no agent runs; start certrotate run".into()),
            Answer::Silent { pid, why } => because.push(silence(*pid, why)),
            Answer::Running(published) => {
                because.extend(failing_calls(published));
                because.extend(disk_failures(published));
                because.extend(key_failures(published));
            }
        }
        if let Some(request) = request
            && let Some(conditions) = &request.conditions
        {
            match conditions.join(",").as_str() {
                "Pending" => because.push(format!("the request waits for approval: {}", request.command)),
                "Approved" | "Approved,Issued" => {}
                condition => because.push(failed_request(condition)),
            }
        }
        because.extend(clock_problems(clock));
        because
    }

    fn why_none(&self) -> String {
        let link = self.path(Name::Current);
        let link = link.display();
        match self.disk.map(|disk| disk.live_name) {
            None => "there is no certificate directory yet".into(),
            Some(CurrentLink::Absent) => format!("there is no {link} yet"),
            Some(CurrentLink::Link(name)) => {
                format!("{link} leads to {}, which cannot be used", self.path(name).display())
            }
            Some(CurrentLink::Foreign | CurrentLink::File | CurrentLink::Strange) => {
                format!("{link} is not a link that certrotate made")
            }
            Some(CurrentLink::Unreadable(_)) => format!("{link} cannot be read"),
        }
    }

    /// Returns the problems that need the operator while the certificate is valid.
    fn trouble(
        &self,
        held: &Held,
        request: Option<&Request>,
        clock: &Clock,
        bootstrap_fallback: &BootstrapFallback,
    ) -> Vec<String> {
        let mut because = Vec::new();
        if let Answer::Silent { pid, why } = self.answer {
            because.push(silence(*pid, why));
        }
        let times = &self.config.timing;
        let (start, end) = (held.start(), held.end());
        let lifetime = end.since(start);
        let rotates = self.published.is_none_or(|published| published.rotates);
        let due = self.now >= times.renewal_point(start, end, &held.bundle.facts.leaf);
        if due && rotates && !matches!(self.answer, Answer::Running(_)) {
            because.push("the renewal is due, and no agent runs or answers; start certrotate run".into());
        }
        if end.since(self.now) <= times.expiry_margin(lifetime) {
            because.push(format!("it ends in {}", span(self.now, end)));
            because.extend(no_fallback(bootstrap_fallback));
        }
        if let Some(request) = request
            && let Some(reason) = self.stuck(request, times.poll(lifetime, u32::MAX))
        {
            because.push(reason);
        }
        if let Some(published) = self.published {
            because.extend(agents_trouble(published, held));
        }
        because.extend(clock_problems(clock));
        let amiss = self.disk.is_some_and(|disk| !disk.remarks.is_empty() || !disk.quarantined.is_empty());
        because.extend(amiss.then(|| "there are files that cannot be used; see the notes".to_owned()));
        because
    }

    /// Returns a problem if a request waits for a person for longer than `patience`.
    fn stuck(&self, request: &Request, patience: Span) -> Option<String> {
        let conditions = request.conditions.as_ref()?;
        let condition = conditions.join(",");
        match condition.as_str() {
            "Pending" => {
                let since = self.published?.request.as_ref()?.since;
                let waits = self.now.since(WallTime::from_unix_ms(since));
                (waits > patience).then(|| format!("the request waits for approval since {waits}"))
            }
            "Approved" => None,
            condition => Some(failed_request(condition)),
        }
    }
}

fn failed_request(condition: &str) -> String {
    format!("the last request came to nothing ({condition})")
}

fn clock_problems(clock: &Clock) -> impl Iterator<Item = String> {
    clock.notes.iter().filter(|note| note.contains("check the clock")).cloned()
}
