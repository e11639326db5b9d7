//! The problems that need the operator, and their remedies, in words.

use super::disk::Held;
use super::published::{ObservedRequest, Published};
use super::types::BootstrapFallback;

pub(super) fn agents_trouble(published: &Published, held: &Held) -> Vec<String> {
    let mut because = unsaved(published);
    if because.is_empty() && published.disk_failures > 0 {
        because.push(format!("the disk failed {} times in a row", published.disk_failures));
    }
    if published.call_failures > 0 {
        because.push(format!("recent calls to the API server {} failed", published.server));
    }
    if published.key_failures > 0 {
        because.push(format!("no key could be made, {} times in a row", published.key_failures));
    }
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

pub(super) fn no_fallback(bootstrap_fallback: &BootstrapFallback) -> Option<String> {
    (bootstrap_fallback.usable == Some(false))
        .then(|| format!("there is no bootstrap fallback: {}", bootstrap_fallback.what))
}

/// Returns the operator's command for a request.
pub(super) fn command(name: &str, asked: Option<&ObservedRequest>, published: Option<&Published>) -> String {
    let Some(asked) = asked else { return format!("kubectl get csr {name}") };
    let pid = published.map(|published| published.pid).unwrap_or_default();
    match asked.conditions.join(",").as_str() {
        "Pending" => format!("kubectl certificate approve {name}"),
        "Approved" => format!("kubectl describe csr {name}"),
        _ => format!("kubectl describe csr {name}; then, to request again at once: kill -USR1 {pid}"),
    }
}
