//! The Table form that `kubectl get` prints (`pkg/printers/internalversion/printers.go`).

use std::time::{Duration, SystemTime};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use crate::apiserver::object::Object;

#[cfg(test)]
mod tests;

/// The content of a row in addition to its cells (`includeObject`).
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
pub(crate) fn table<'a, T: Object>(
    objects: impl IntoIterator<Item = &'a T>,
    version: &str,
    include: Include,
    now: SystemTime,
) -> Value {
    let rows: Vec<_> = objects.into_iter().map(|object| row(object, include, now)).collect();
    json!({
        "kind": "Table", "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": columns::<T>(),
        "rows": rows,
    })
}

/// The columns of a kind.
pub(crate) fn columns<T: Object>() -> Value {
    T::COLUMNS
        .iter()
        .map(|column| {
            json!({
                "name": column.name, "type": "string", "format": column.format,
                "description": column.description, "priority": 0,
            })
        })
        .collect()
}

/// The row of one object.
pub(crate) fn row<T: Object>(object: &T, include: Include, now: SystemTime) -> Value {
    let shown = match include {
        Include::Metadata => json!({
            "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object.metadata(),
        }),
        Include::Object => json!(object),
        Include::Nothing => Value::Null,
    };
    json!({"cells": object.cells(now), "object": shown})
}

/// How old an object is, as a cell.
pub(crate) fn age(meta: &ObjectMeta, now: SystemTime) -> String {
    let Some(created) = &meta.creation_timestamp else {
        return "<unknown>".to_owned();
    };
    let seconds = crate::base::time::seconds_down(now) - created.0.as_second();
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
