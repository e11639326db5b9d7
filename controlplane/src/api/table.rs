//! The Table form that `kubectl get` prints (`pkg/printers/internalversion/printers.go`).

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{Csr, condition_text};

#[cfg(test)]
mod tests;

/// What a row carries beside its cells (`includeObject`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Include {
    /// `Metadata`, the default.
    #[default]
    Metadata,
    /// `Object`.
    Object,
    /// `None`.
    Nothing,
}

/// A table of these objects at this resource version.
pub(crate) fn table<'a>(
    objects: impl IntoIterator<Item = &'a Csr>,
    version: &str,
    include: Include,
    now: SystemTime,
) -> Value {
    let rows: Vec<_> = objects.into_iter().map(|csr| row(csr, include, now)).collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": columns(),
        "rows": rows,
    })
}

fn columns() -> Value {
    let column = |name: &str, format: &str, priority: i32, description: &str| json!({"name": name, "type": "string", "format": format, "description": description, "priority": priority});
    json!([
        column("Name", "name", 0, "Name must be unique within the cluster."),
        column("Age", "", 0, "Time since the object was created."),
        column("SignerName", "", 0, "The requested signer."),
        column("Requestor", "", 0, "The user that created the request."),
        column("RequestedDuration", "", 0, "The requested lifetime of the certificate."),
        column("Condition", "", 0, "What has become of the request."),
    ])
}

fn row(csr: &Csr, include: Include, now: SystemTime) -> Value {
    let spec = &csr.spec;
    let signer = if spec.signer_name.is_empty() { "<none>" } else { &spec.signer_name };
    let requested = spec.expiration_seconds.map_or_else(
        || "<none>".to_owned(),
        |seconds| human_duration(Duration::from_secs(u64::try_from(seconds).unwrap_or(0))),
    );
    let cells = json!([
        super::name(csr),
        age(csr, now),
        signer,
        spec.username.as_deref().unwrap_or_default(),
        requested,
        condition_text(csr)
    ]);
    let object = match include {
        Include::Metadata => json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": csr.metadata,
        }),
        Include::Object => json!(csr),
        Include::Nothing => Value::Null,
    };
    json!({"cells": cells, "object": object})
}

fn age(csr: &Csr, now: SystemTime) -> String {
    let Some(created) = &csr.metadata.creation_timestamp else {
        return "<unknown>".to_owned();
    };
    let seconds = crate::der::seconds_down(now) - created.0.as_second();
    match u64::try_from(seconds) {
        Ok(seconds) => human_duration(Duration::from_secs(seconds)),
        Err(_) if seconds == -1 => "0s".to_owned(),
        Err(_) => "<invalid>".to_owned(),
    }
}

/// A duration with about two significant parts (`staging/src/k8s.io/apimachinery/pkg/util/duration`).
pub(crate) fn human_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let (days, years) = (hours / 24, hours / 24 / 365);
    let two = |first: u64, unit: &str, second: u64, other: &str| {
        if second == 0 { format!("{first}{unit}") } else { format!("{first}{unit}{second}{other}") }
    };
    match () {
        () if seconds < 2 * 60 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 3 * 60 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if days < 8 => two(days, "d", hours % 24, "h"),
        () if days < 2 * 365 => format!("{days}d"),
        () if years < 8 => two(years, "y", days % 365, "d"),
        () => format!("{years}y"),
    }
}
