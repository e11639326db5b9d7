//! One row for each bug: what the buggy code does, where it is, and the invariants that it may be reported under.
//!
//! The invariants follow from the sentence. They are not read off the findings: an engine that reports another
//! invariant has found something else, and continues.

use crate::home::Home;

macro_rules! bugs {
    ($(#[doc = $doc:literal] $name:ident in $home:ident breaks $($id:ident)+;)*) => {
        /// A seeded bug. `B` is a defect of the protocol, `F` reproduces the incident with that number in
        /// `docs/incidents.md`, `H` is about held certificates, `U` about unwritable ones, `C` about suspect clocks,
        /// `T` about template changes, `A` about adoption, `E` about requests of expired identities, `W` about waits
        /// over restarts, `K` about drivers that break their contract, `D` is a defect of the driver, `X` one of x509 or store,
        /// `G` one of the agent outside its key store.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
        pub enum Bug { $(#[doc = $doc] $name,)* }

        impl Bug {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Returns its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// Returns the sentence about it.
            #[must_use]
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$name => $doc.trim_ascii(),)* }
            }

            /// Returns where it is.
            #[must_use]
            pub const fn home(self) -> Home {
                match self { $(Self::$name => Home::$home,)* }
            }

            /// Returns the invariants that it may be reported under.
            #[must_use]
            pub const fn breaks(self) -> &'static [&'static str] {
                match self { $(Self::$name => &[$(stringify!($id)),+],)* }
            }
        }
    };
}

bugs! {
    /// Expiry of the live identity is checked only after the monotonic renewal timer has fired.
    B01 in Core breaks S1;
    /// The start of a certificate is never checked.
    B02 in Core breaks S1;
    /// A certificate is accepted for five minutes after its expiry, as tolerance for clock differences.
    B03 in Core breaks S1 S14;
    /// A withdrawn identity goes live again when the clock goes back.
    B04 in Core breaks S1 S14;
    /// All deadlines are civil times, so each waits as long as the clock was set back.
    B05 in Core breaks L1 S14;
    /// The renewal point is the product of two 32-bit numbers, which wraps for lifetimes of months.
    B07 in Core breaks S15 L1;
    /// The start of a refused certificate is taken as proof of the present time.
    B08 in Core breaks S14 L4;
    /// Every tick ends the backoff.
    B09 in Core breaks S9;
    /// Waits double without a limit.
    B10 in Core breaks L1 L4;
    /// A Retry-After of zero is followed at once.
    B11 in Core breaks S9;
    /// A Retry-After of years is followed.
    B12 in Core breaks L1 L4;
    /// A second tick at the same instant repeats the call.
    B13 in Core breaks S8 S9 M1;
    /// Every identity is renewed at four fifths of its lifetime, whatever its leaf.
    B14 in Core breaks M7;
    /// A call without an answer leads to a new key and another request, without a check for the first.
    B15 in Core breaks S8;
    /// A pending file found at start is not resumed.
    B16 in Core breaks S8;
    /// A denied request is sent again unchanged, as after a failed call.
    B17 in Core breaks S8 L4;
    /// After a denial no attempt follows.
    B18 in Core breaks L4;
    /// An attempt may begin while the previous one waits for a directory sync.
    B19 in Core breaks S8 S3;
    /// A deleted request counts as pending.
    B20 in Core breaks L4 L1;
    /// Subject and alternative names are taken from the disk, not from the configuration.
    B21 in Core breaks L2 S2;
    /// One of the requested usages is enough.
    B22 in Core breaks S2;
    /// A leaf may be a CA.
    B23 in Core breaks S2;
    /// Any common name that begins with ours, in any case, is accepted.
    B26 in Core breaks S2;
    /// A certificate may have any remaining lifetime.
    B27 in Core breaks S9 S2;
    /// The switch is not made durable.
    B29 in Core breaks S4 S3;
    /// The current link is removed and created again, not replaced.
    B30 in Core breaks S3 S5;
    /// The new key is published with the old certificate first, then with its own.
    B31 in Core breaks S2 S3;
    /// The superseded bundle is removed before the switch is durable.
    B32 in Core breaks S3 S5;
    /// After a failed write or sync the event is reported and the next step follows.
    B33 in Core breaks S3 S7;
    /// A failed sync is repeated, and its second result is believed.
    B34 in Core breaks S7 S4 S3 S8;
    /// The identity goes live at the switch, before the switch is durable.
    B35 in Core breaks S4 S3;
    /// One temporary name serves every file, and a stale file with that name is overwritten.
    B36 in Core breaks S3 S6;
    /// A file with a final name counts as intact: its key is not compared, and damage is left in place.
    B37 in Core breaks S2 S3;
    /// Recovery takes the bundle with the highest generation, whatever its content.
    B38 in Core breaks S5 L3;
    /// Recovery takes its own stale temporary link for a foreign file, permanently.
    B39 in Core breaks S6 L2;
    /// Generations are counted from the start again after recovery.
    B40 in Core breaks S3 S10 S12;
    /// Recovery trusts a scan before it has synced the directory.
    B41 in Core breaks S4 S3;
    /// After a refused certificate the next attempt reuses the key.
    B42 in Core breaks S10;
    /// After a denial the next attempt reuses the key.
    B43 in Core breaks S10;
    /// Temporary files are removed only after a successful rotation.
    B46 in Core breaks S12 L5;
    /// A step of an installation has no deadline.
    B47 in Core breaks L1 L2;
    /// An installation that recovery completes sets no renewal deadline.
    B48 in Core breaks L1 L2;
    /// A shutdown does not wait for a directory sync.
    B49 in Core breaks L5;
    /// The order in which files are removed is not a function of state and input.
    B50 in Core breaks S15;
    /// A disk answer is processed with the wall time of the previous step.
    B51 in Core breaks S1 S15;
    /// A late answer counts as the answer to the outstanding operation.
    B55 in Core breaks S13 M1;
    /// Recovery takes the older of two good bundles.
    B56 in Core breaks S13 S4;
    /// Certificates issued from 2030 on are renewed at half of their lifetime.
    B57 in Core breaks M2 L1;
    /// Files are created under their final name and synced there.
    B58 in Core breaks S3 S8;
    /// Files are created under their final name, and recovery syncs and trusts them.
    B59 in Core breaks S3 S8;
    /// One successful call ends the backoff of all calls that failed before it.
    B60 in Core breaks S9;

    /// An expired identity is presented to the server.
    F01 in Core breaks L3;
    /// After expiry no attempt is made until a call has succeeded.
    F02 in Core breaks L3 L4;
    /// After the first certificate only the live identity is presented, even expired or refused.
    F06 in Core breaks L3;
    /// Start-up waits for an operator when the certificates on disk have expired.
    F09 in Core breaks L2;
    /// Whether a renewal is due is decided at start only.
    F12 in Core breaks L1 L2 S14;
    /// A failed renewal withdraws the live identity.
    F14 in Core breaks S1 S5;
    /// The request is sent before its key is on disk.
    F16 in Core breaks S8;
    /// Only the monotonic clock decides that a renewal is due.
    F22 in Core breaks L1 S14;
    /// Wall time is the monotonic clock plus the offset of the first step.
    F23 in Core breaks S1 S14;
    /// Due renewals are decided in whole seconds, and wake times in milliseconds.
    F25 in Core breaks S9;
    /// Renewal is due thirty days before expiry, whatever the lifetime.
    F27 in Core breaks L1 S9;
    /// Renewal is due half an hour before expiry, at once if need be, and any lifetime is accepted.
    F28 in Core breaks L1 S9;
    /// The lifetime is assumed to be the requested one, or a day, not read from the certificate.
    F29 in Core breaks L1;
    /// The renewal point is drawn again at each tick.
    F30 in Core breaks L1 S13 S15;
    /// Jitter is always zero.
    F31 in Core breaks M7;
    /// The requested lifetime is sent again however often the server refuses it.
    F33 in Core breaks L4;
    /// An approved request without a certificate is replaced by another after a quarter of an hour.
    F35 in Core breaks S8;
    /// A pending request is replaced by another after a quarter of an hour.
    F36 in Core breaks S8;
    /// Any object with the name of our request counts as ours.
    F39 in Core breaks S2;
    /// A certificate that arrives expired is treated as not issued yet.
    F40 in Core breaks L2 L4;
    /// After a denial another request follows within seconds.
    F41 in Core breaks S9;
    /// A pending request is polled once.
    F42 in Core breaks L4;
    /// Every start begins an attempt.
    F44 in Core breaks S9;
    /// A pending request is watched once and never polled.
    F47 in Core breaks L4;
    /// After the signer failed a request no other follows.
    F48 in Core breaks L4;
    /// The switch comes before the bundle's sync.
    F50 in Core breaks S3 S7;
    /// Start-up waits for an operator when a bundle is damaged.
    F51 in Core breaks L2;
    /// A bundle that cannot be written is dropped, and another certificate is requested.
    F56 in Core breaks S8;
    /// Start-up waits for an operator when the current link is a file.
    F58 in Core breaks L2;
    /// Superseded files are never removed.
    F59 in Core breaks S12;
    /// Only the dates of certificates on disk are checked.
    F63 in Core breaks S2;
    /// The bootstrap credential is always preferred.
    F88 in Core breaks L3;
    /// A refused credential is retried without end.
    F89 in Core breaks L3 L4;

    /// A certificate is held however far away its start is.
    H01 in Core breaks L4 L1 L2;
    /// While a certificate is held, another is requested.
    H02 in Core breaks S9 S8;
    /// A held certificate is judged when its monotonic wait ends, not when it becomes valid.
    H03 in Core breaks L1;
    /// An unwritable certificate goes live at once, although the live identity is still valid.
    U01 in Core breaks S4;
    /// Any number of requests is made with keys that are in memory only.
    U02 in Core breaks S8;
    /// An unwritable certificate never goes live.
    U03 in Core breaks S5 L1;
    /// A clock before the build time is believed.
    C01 in Core breaks S14;
    /// A clock before the newest accepted notBefore is waited for during a year.
    C02 in Core breaks L4 L2;
    /// A clock before the newest accepted notBefore is not waited for.
    C03 in Core breaks S14 S9;
    /// A template change does not abandon the outstanding request.
    T01 in Core breaks S2 L3;
    /// An identity for another subject stays live after a template change.
    T02 in Core breaks S2;
    /// Surplus names and usages are no reason to renew.
    T03 in Core breaks L3 L2;
    /// A changed template is requested at once, however often it changes.
    T04 in Core breaks S9;
    /// A certificate for another subject is installed and goes live after a template change.
    T05 in Core breaks S2;
    /// An identity with other names or usages than the template's does not go live.
    T06 in Core breaks S4 S5;
    /// The wait after a denial outlasts the denied template.
    T07 in Core breaks L3;
    /// Only the dates of an external pair are checked.
    A01 in Core breaks S2;
    /// An adopted pair is adopted again at every scan.
    A02 in Core breaks S6 M3 S9 S13 L2;
    /// An external pair is never adopted.
    A03 in Core breaks S5;
    /// Any external pair is preferred to the live identity.
    A04 in Core breaks S13 S4 L1 L2;
    /// A file in place of the current link is replaced without a copy.
    A05 in Core breaks S5;
    /// External changes are not scanned for before an attempt.
    A06 in Core breaks S13;
    /// The lifetime of an adopted pair counts from its notBefore, which may be backdated.
    A07 in Core breaks S9;
    /// A request is kept after the identity that made it has expired.
    E01 in Core breaks L3;
    /// Every pending request is given up while the last identity is an expired one.
    E02 in Core breaks S8;
    /// The waits of a found request begin anew at every start.
    W01 in Core breaks L4;
    /// The waits of a found request are over at once if the clock says so.
    W02 in Core breaks S9;
    /// The first wait of a found request counts the failed calls of this run, not the attempts on disk.
    W03 in Core breaks S9;
    /// A start forgets the attempts on disk: its waits are those of a first attempt.
    W04 in Core breaks S9;
    /// A start without a request waits a quarter of an hour before its first attempt.
    W05 in Core breaks L4;

    /// A monotonic clock that went back suspends every step.
    K01 in Core breaks S1;
    /// The answer of another kind of operation is ignored.
    K02 in Core breaks S13;
    /// A key that the driver lost is used repeatedly.
    K03 in Core breaks S10;
    /// The key of a retired request is named as needed for ever.
    K05 in Core breaks S11;
    /// The live identity is read whatever the reader's clock shows.
    K04 in Core breaks S1;
    /// The handles of an ignored answer are not listed for erasure.
    K06 in Core breaks S11;

    /// The driver's monotonic clock stands still while the machine sleeps.
    B06 in Driver breaks L1 L3;
    /// The driver fetches the certificate again and writes that, not the judged one.
    B28 in Driver breaks S2 S3;
    /// The driver does not sync directories.
    D01 in Driver breaks S3 S4;
    /// The driver does not sync files.
    D02 in Driver breaks S3 S7;
    /// The driver removes nothing.
    D03 in Driver breaks S12 L2;
    /// The driver presents an identity before it is durable.
    D04 in Driver breaks S4;
    /// The driver presents a withdrawn identity.
    D05 in Driver breaks S1;
    /// The driver has one key for all requests.
    D06 in Driver breaks S10;
    /// The driver sends every request twice.
    D07 in Driver breaks S8;

    /// Any certificate of the answer that the client CA signed makes the chain trusted.
    B24 in X509 breaks S2;
    /// A root that comes with the answer is as good as the client CA.
    B25 in X509 breaks S2;
    /// `Debug` of the key store shows the keys.
    B44 in Keys breaks S11;
    /// A file is created readable for everyone and made private afterwards.
    B45 in Store breaks S11;
    /// Only the leaf's expiry counts, not that of the certificates above it.
    X1 in X509 breaks S1 S2;
    /// Bytes after a certificate, inside its block, are skipped.
    X2 in X509 breaks S2;
    /// The digest of a file is not compared.
    X3 in X509 breaks S2 S3;
    /// The last of several keys in one text counts.
    X4 in X509 breaks S2;
    /// A pending file may hold the request of another key.
    X5 in X509 breaks S2 S10;
    /// A directory sync does nothing.
    X6 in Store breaks S3 S4;
    /// A scan follows links.
    X7 in Store breaks S2 S3;
    /// An existing file is opened where a new one is to be created.
    X8 in Store breaks S3 S8;
    /// Every file counts as private.
    X9 in Store breaks S11;
    /// A file with another hard link is read.
    X10 in Store breaks S11 S2;
    /// Connections are not cut when their certificate expires.
    G02 in Shell breaks S1;
    /// The bootstrap kubeconfig is read once.
    G03 in Shell breaks L3 L1;
    /// Retry-After is not read.
    G06 in Shell breaks S9;
    /// A closed watch is opened again at once.
    G07 in Shell breaks S9;
    /// The key store makes one key.
    G09 in Shell breaks S10;
    /// An identity is not presented while another one is valid.
    G10 in Shell breaks S1;
    /// Connections are opened with the first identity of the process.
    G11 in Shell breaks S1 L3;
    /// A body that is no JSON causes a panic.
    G12 in Shell breaks L5;
    /// An answer 401 counts as an error of the server.
    G14 in Shell breaks L3;
    /// The client CA file is read once.
    G15 in Shell breaks L1 L3 S8;
    /// The server and its CA are read once.
    G16 in Shell breaks L1 L3;
    /// A file that is being written replaces the last good version.
    G17 in Shell breaks L1 L3 S8;
    /// The node's kubeconfig is not written again after a failure.
    G18 in Shell breaks L2;
    /// The node's kubeconfig is written again at once after a failure.
    G19 in Shell breaks S9;
    /// HUP is ignored.
    G20 in Shell breaks L5;
    /// A watch ignores what it reports.
    G22 in Shell breaks L5;
    /// A withdrawn identity is still presented.
    G23 in Shell breaks S1;
}
