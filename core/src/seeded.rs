//! Bugs on purpose, one at a time, to measure what the tests can see.
//!
//! A check that has never failed shows nothing. Each [`Bug`] is a mistake that somebody could make, or
//! has made elsewhere, built in behind [`ConfigSpec::bug`]. A harness that runs with one must complain.
//!
//! The module exists only with the feature `seeded`, which no shipped crate turns on. At each site the right code
//! stands as it is, after a statement that the feature adds: it returns early, or replaces one value. The bodies
//! are here where they need nothing private, else in a `seeded` module below the phase that they spoil.
//! With no bug chosen the machine does just what it does without the feature.

mod clock;
mod facts;

use crate::common::{Common, Cx};
use crate::config::ConfigSpec;
use crate::disk::Name;
use crate::id::{FileNumber, Generation, KeyHandle};
use crate::renewal::Attempt;
use crate::serving::Identity;
use crate::time::{Now, WallTime};

pub(crate) use clock::{
    NEVER, before, credential, doubts_badly, is_stuck, is_whole_second, judged, planned, renew_badly,
    retry_badly, stale_key, throw_away, turn, wake,
};
pub(crate) use facts::{answered, found, started, taken};

macro_rules! bugs {
    ($(#[doc = $doc:literal] $name:ident;)*) => {
        /// A mistake. `B` numbers a mistake in the protocol, `T` one about another template, `A` one about adoption; `F` is what the incident of
        /// that number in `docs/incidents.md` describes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub enum Bug { $(#[doc = $doc] $name,)* }

        impl Bug {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name: a letter and two digits.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// The one sentence about it.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $doc.trim_ascii(),)* }
            }
        }
    };
}

bugs! {
    /// The end of the live identity is looked at only once the renewal timer, which is mono, has fired.
    B01;
    /// The start of a certificate is never looked at.
    B02;
    /// The end of a certificate is five minutes later than it says, for clocks that differ.
    B03;
    /// A withdrawn identity goes live again when the clock goes back.
    B04;
    /// All deadlines are civil times, so they wait as long as the clock was set back.
    B05;
    /// The renewal point is the product of two 32-bit numbers, which wraps for lives of months.
    B07;
    /// The start of a certificate that was refused is taken for proof that it is at least as late as that.
    B08;
    /// Every tick ends the backoff.
    B09;
    /// Waits double without an end.
    B10;
    /// A server that asks for no delay at all gets none.
    B11;
    /// A server that asks for years of silence gets them.
    B12;
    /// A second tick at the same instant makes the call again.
    B13;
    /// Every identity is renewed at four fifths of its lifetime, whatever its leaf.
    B14;
    /// A call without an answer leads to a new key and another request, without a look for the first.
    B15;
    /// A pending file that is found at start is not taken up.
    B16;
    /// A denied request is sent again as it is, as after any failed call.
    B17;
    /// After a denial there is nothing to wait for.
    B18;
    /// An attempt may begin while the one before it waits for a directory sync.
    B19;
    /// A request that is gone counts as one that is pending.
    B20;
    /// Subject and alternative names are those found on disk, not those configured.
    B21;
    /// One of the usages asked for is enough.
    B22;
    /// A leaf may be a CA.
    B23;
    /// A common name that begins with ours, in whatever case, is ours.
    B26;
    /// A certificate may have any lifetime left.
    B27;
    /// The switch is not made durable.
    B29;
    /// The live name is removed and made anew, not replaced.
    B30;
    /// The new key is published with the old certificate first, then with its own.
    B31;
    /// The superseded bundle is removed before the switch is durable.
    B32;
    /// A write or a sync that failed is reported, and the next step follows.
    B33;
    /// A file whose sync failed is synced again, and that is believed.
    B34;
    /// The identity goes live at the switch, before that is durable.
    B35;
    /// One temporary name serves for everything, and what is left under it is written over.
    B36;
    /// What has a final name is taken for intact: its key is not compared and damage is left where it is.
    B37;
    /// Recovery takes the bundle of the highest number, whatever it holds.
    B38;
    /// A temporary link that recovery itself left behind is taken for somebody else's, for ever.
    B39;
    /// Generations are counted from the start again after recovery.
    B40;
    /// Recovery trusts what it sees before it has synced the directory.
    B41;
    /// After a certificate was refused the next attempt takes the same key.
    B42;
    /// After a denial the next attempt takes the same key.
    B43;
    /// Temporary files are removed after a rotation that went well, and only then.
    B46;
    /// A step of an installation has no deadline.
    B47;
    /// An installation that recovery completes leaves no deadline behind.
    B48;
    /// A shutdown does not wait for a directory sync.
    B49;
    /// The order in which files are removed is not a function of state and input.
    B50;
    /// The answer of the disk is taken at the wall time of the step before.
    B51;
    /// An answer to an operation that is over counts as one to the operation that is outstanding.
    B55;
    /// Recovery takes the older of two good bundles.
    B56;
    /// Certificates issued from 2030 on are renewed at half of their lifetime.
    B57;
    /// Files are created under their final name and synced there.
    B58;
    /// Files are created under their final name, and start-up syncs what it finds and believes it.
    B59;

    /// An identity that has ended is presented to the server.
    F01;
    /// Once the identity has ended, no attempt is made until a call has succeeded.
    F02;
    /// Once there was an identity, only that one asks, ended or not, refused or not.
    F06;
    /// Start-up waits for a person when what it finds has ended.
    F09;
    /// Whether a renewal is due is decided at start only.
    F12;
    /// A renewal that fails takes the live identity away.
    F14;
    /// The request is sent before its key is on disk.
    F16;
    /// A renewal is due by the mono clock only.
    F22;
    /// Wall time is the mono clock with the offset of the first step.
    F23;
    /// Whether a renewal is due is decided in whole seconds, and when to look in milliseconds.
    F25;
    /// Renewal is due thirty days before the end, however long the lifetime.
    F27;
    /// Renewal is due half an hour before the end, at once if need be, and any lifetime will do.
    F28;
    /// The lifetime is taken to be the one asked for, or a day, whatever the certificate says.
    F29;
    /// The renewal point is drawn anew at each tick.
    F30;
    /// Jitter is always none.
    F31;
    /// The wish for a lifetime is repeated however often it is refused.
    F33;
    /// A request that is approved and has no certificate after a quarter of an hour is given up for another.
    F35;
    /// A request that is pending after a quarter of an hour is given up for another.
    F36;
    /// An object that has our request's name is ours.
    F39;
    /// A certificate that has ended is waited on as if it were none.
    F40;
    /// After a denial another request follows within seconds.
    F41;
    /// A pending request is looked at once.
    F42;
    /// Every start begins an attempt.
    F44;
    /// A pending request is watched once and not looked at beside that.
    F47;
    /// After the signer failed a request there is no other.
    F48;
    /// The switch comes before the bundle's sync.
    F50;
    /// Start-up waits for a person when a bundle is damaged.
    F51;
    /// A bundle that the disk does not take is dropped, and another certificate asked for.
    F56;
    /// Start-up waits for a person when the live name is a file.
    F58;
    /// What is not needed any more stays.
    F59;
    /// Of what is found on disk only the dates are looked at.
    F63;
    /// The bootstrap credential is always preferred.
    F88;
    /// A credential that was refused is tried again for ever.
    F89;

    /// A certificate is held however far away its start is.
    H01;
    /// While a certificate is held, another is asked for.
    H02;
    /// What is held is looked at when its wait is over by mono time, not when it starts.
    H03;
    /// What the disk does not take is served at once, however long the live identity is good for.
    U01;
    /// Any number of requests is made with keys that are in memory only.
    U02;
    /// What the disk does not take is never served.
    U03;
    /// A clock that shows less than the build time is believed.
    C01;
    /// A clock that is before the start of the newest certificate is waited for for a year.
    C02;
    /// A clock that is before the start of the newest certificate is not waited for.
    C03;
    /// A template that changes does not end what is asked for.
    T01;
    /// What is live for another subject than is asked for by now is served on.
    T02;
    /// Names and usages that are not asked for any more are no reason to renew.
    T03;
    /// Another template is asked for at once, however often it changes.
    T04;
    /// What is being installed for another subject is installed, and served.
    T05;
    /// What has other names or usages than are asked for by now is not served.
    T06;
    /// The wait after a denial outlasts the template that was denied.
    T07;
    /// Of a pair that somebody left only the dates are looked at.
    A01;
    /// What was adopted is adopted again at every look.
    A02;
    /// What somebody left is never adopted.
    A03;
    /// Any pair that somebody left is better than what is live.
    A04;
    /// A file that has the live name is replaced without a copy.
    A05;
    /// What somebody did to the directory is not looked at before an attempt.
    A06;
}

/// Incidents of `docs/incidents.md` and the bug that brings each about. Those that are not here are not for core to decide.
pub const INCIDENTS: &[(u8, Bug)] = &[
    (1, Bug::F01),
    (2, Bug::F02),
    (6, Bug::F06),
    (9, Bug::F09),
    (10, Bug::B16),
    (12, Bug::F12),
    (14, Bug::F14),
    (16, Bug::F16),
    (17, Bug::B02),
    (22, Bug::F22),
    (23, Bug::F23),
    (25, Bug::F25),
    (27, Bug::F27),
    (28, Bug::F28),
    (29, Bug::F29),
    (30, Bug::F30),
    (31, Bug::F31),
    (32, Bug::B14),
    (33, Bug::F33),
    (35, Bug::F35),
    (36, Bug::F36),
    (38, Bug::B16),
    (39, Bug::F39),
    (40, Bug::F40),
    (41, Bug::F41),
    (42, Bug::F42),
    (43, Bug::F36),
    (44, Bug::F44),
    (47, Bug::F47),
    (48, Bug::F48),
    (50, Bug::F50),
    (51, Bug::F51),
    (53, Bug::F50),
    (55, Bug::B33),
    (56, Bug::F56),
    (57, Bug::B38),
    (58, Bug::F58),
    (59, Bug::F59),
    (61, Bug::B31),
    (62, Bug::A06),
    (63, Bug::F63),
    (84, Bug::B21),
    (86, Bug::T03),
    (88, Bug::F88),
    (89, Bug::F89),
];

/// What some bugs remember. Empty without them, so that the state is what it is without the feature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The clocks at the first step.
    origin: Option<Now>,
    /// The clocks at the step before.
    previous: Option<Now>,
    /// The latest start of a certificate that was refused.
    pub(crate) floor: Option<WallTime>,
    /// The identity that was withdrawn.
    pub(crate) ended: Option<Identity>,
    /// The attempt whose key is used again.
    pub(crate) kept: Option<Attempt>,
    /// Whether the last call succeeded.
    pub(crate) healthy: bool,
}

/// The one temporary name of [`Bug::B36`].
pub(crate) const FIXED: Name = Name::Temporary { generation: Generation(1), file: FileNumber(1) };

impl State {
    /// What is still needed for a bug.
    pub(crate) fn handles<'a>(
        &'a self,
        key: Option<KeyHandle>,
        live: Option<&'a Identity>,
    ) -> (Option<KeyHandle>, Option<&'a Identity>) {
        (key.or(self.kept.map(|attempt| attempt.key)), live.or(self.ended.as_ref()))
    }
}

impl Bug {
    /// The bug of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|bug| bug.name() == name)
    }
}

impl ConfigSpec {
    pub(crate) fn has_bug(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }
}

impl Common {
    pub(crate) fn bug(&self, bug: Bug) -> bool {
        self.config.spec().has_bug(bug)
    }
}

impl Cx<'_> {
    /// Whether it is this bug that was chosen.
    pub(crate) fn bug(&self, bug: Bug) -> bool {
        self.common.bug(bug)
    }

    /// The bug that was chosen.
    pub(crate) fn seeded(&self) -> Option<Bug> {
        self.common.config.spec().bug
    }
}
