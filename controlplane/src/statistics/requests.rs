//! Counts of HTTP requests.

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::base::budgets::COUNTED_NAMES;
use crate::base::sync::lock;
use crate::statistics::stats::Stats;

/// One request as the counts see it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CountedRequest<'a> {
    /// Serial of the presented client certificate.
    pub(crate) serial: Option<&'a str>,
    /// Whether that certificate had expired.
    pub(crate) expired: bool,
    /// Whether the credentials are those of a user.
    pub(crate) authenticated: bool,
    /// Whether the answer is 401.
    pub(crate) unauthorized: bool,
}

/// Counts requests.
#[derive(Debug, Default)]
pub(crate) struct Recorder(Mutex<Requests>);

#[derive(Debug, Default)]
struct Requests {
    all: u64,
    by_serial: BTreeMap<String, u64>,
    expired_uses: u64,
    unauthorized: u64,
}

/// Longest serial number that is counted by itself: twenty bytes (RFC 5280, 4.1.2.2), in hexadecimal, and some more.
const LONGEST_SERIAL: usize = 64;

impl Recorder {
    /// Counts an authenticated or refused request.
    pub(crate) fn count(&self, request: &CountedRequest<'_>) {
        let mut counts = lock(&self.0);
        counts.all += 1;
        counts.expired_uses += u64::from(request.expired);
        counts.unauthorized += u64::from(request.unauthorized);
        // A foreign client could present a new certificate with every connection: it gets half of the room.
        let room = if request.authenticated { COUNTED_NAMES } else { COUNTED_NAMES / 2 };
        if let Some(serial) = request.serial.filter(|serial| serial.len() <= LONGEST_SERIAL)
            && (counts.by_serial.len() < room || counts.by_serial.contains_key(serial))
        {
            *counts.by_serial.entry(serial.to_owned()).or_default() += 1;
        }
    }

    pub(crate) fn fill(&self, stats: &mut Stats) {
        let counts = lock(&self.0);
        stats.requests = counts.all;
        stats.requests_by_serial = counts.by_serial.to_owned();
        stats.expired_uses = counts.expired_uses;
        stats.unauthorized = counts.unauthorized;
    }
}
