//! The problems that need the operator, and their remedies, in words.

use certrotate_core::time::WallTime;

use super::disk::Held;
use super::published::{ObservedRequest, Published};
use super::types::BootstrapFallback;

pub(super) fn agents_trouble(published: &Published, held: &Held) -> Vec<String> {
    let mut because = unsaved(published);
    if because.is_empty() {
        because.extend(disk_failures(published));
    }
    because.extend(failing_calls(published));
    because.extend(key_failures(published));
    if let Some(generation) = published.held {
        because.push(format!("certificate {generation} is held: the clock is before its start"));
    }
    match published.serving {
        Some(serving) if serving != held.generation().0 && !published.from_memory => {
            because.push(format!("the agent serves certificate {serving}, the link leads to another"));
        }
        None if published.held.is_none() => because.push("the agent serves no certificate".into()),
        Some(_) | None => {}
    }
    because
}

/// Returns the problem of an in-memory identity or request. The first write of a file is no problem.
pub(super) fn unsaved(published: &Published) -> Vec<String> {
    let line = match published.unsaved {
        Some(generation) if published.from_memory => format!(
            "certificate {generation} is served from the agent's memory only, because the disk does not take it; mend the disk before the agent ends"
        ),
        Some(generation) if published.disk_failures > 0 => {
            format!(
                "certificate {generation} was issued, and the disk does not take it; it is in memory only"
            )
        }
        Some(_) | None => return Vec::new(),
    };
    vec![line]
}

/// Whether a request with this condition is finished.
pub(super) fn ended(condition: &str) -> bool {
    matches!(condition, "Denied" | "Failed" | "Issued")
}

pub(super) fn disk_failures(published: &Published) -> Option<String> {
    let failures = published.disk_failures;
    (failures > 0).then(|| format!("the disk failed {failures} times in a row"))
}

pub(super) fn key_failures(published: &Published) -> Option<String> {
    let failures = published.key_failures;
    (failures > 0).then(|| format!("no key could be made, {failures} times in a row"))
}

/// Says that no agent answers; `pid` holds the lock of the directory.
pub(super) fn silence(pid: Option<u32>, why: &str) -> String {
    match pid {
        Some(pid) => format!("process {pid} has the lock of the directory and does not answer: {why}"),
        None => format!("no agent answers: {why}"),
    }
}

/// Returns the last failed call, while calls fail.
pub(super) fn failing_calls(published: &Published) -> Option<String> {
    let Some((at, line)) = published.call_fault.as_ref().filter(|_| published.call_failures > 0) else {
        return (published.call_failures > 0)
            .then(|| format!("recent calls to the API server {} failed", published.server));
    };
    // The wait was counted from the failure, and the row `agent` has the next action.
    let line = line.split("; trying again in ").next().unwrap_or(line);
    Some(format!("{line} (at {})", WallTime::from_unix_ms(*at)))
}

pub(super) fn no_fallback(bootstrap_fallback: &BootstrapFallback) -> Option<String> {
    (bootstrap_fallback.usable == Some(false))
        .then(|| format!("there is no bootstrap fallback: {}", bootstrap_fallback.what))
}

/// Returns the operator's command for a request.
pub(super) fn command(name: &str, asked: Option<&ObservedRequest>, published: Option<&Published>) -> String {
    let Some(asked) = asked else {
        return match published {
            Some(_) => "none: the agent creates the request, or reads it again, by itself".into(),
            None => format!("kubectl get csr {name}, if it was created"),
        };
    };
    let pid = published.map(|published| published.pid).unwrap_or_default();
    match asked.conditions.join(",").as_str() {
        "Pending" => format!("kubectl certificate approve {name}"),
        "Approved" => format!("kubectl describe csr {name}"),
        _ => format!("kubectl describe csr {name}; then, to request again at once: kill -USR1 {pid}"),
    }
}
