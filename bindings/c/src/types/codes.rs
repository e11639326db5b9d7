//! The numbers of the interface. A number is never used for another meaning later; new ones are added at the end.
//!
//! Structs and arguments carry them as `uint32_t`, because a number that C passes may be none of these.

/// The result of a function.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It succeeded.
    Ok = 0,
    /// A required pointer is null.
    Null = 1,
    /// A `size` is none that this library knows. Set it to `sizeof` of the struct.
    Size = 2,
    /// A text or list is longer than its limit.
    TooLong = 3,
    /// A text is not UTF-8.
    NotUtf8 = 4,
    /// A number is not one of its enumeration, or a text is not of its form.
    Invalid = 5,
    /// An index is not below its count.
    Index = 6,
    /// The configuration is refused.
    Config = 7,
    /// Another thread is using the object. Nothing was changed.
    Busy = 8,
    /// A bug of this library: a panic was caught. The object is poisoned.
    Panicked = 9,
    /// An earlier call panicked on this object. Free it.
    Poisoned = 10,
}

/// The kind of an action, and the fields that it uses besides `op`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// Carry out a disk command: `command` and the fields that the command uses.
    Disk = 1,
    /// Make a key and its request: `has_duration`, `duration`.
    MakeKey = 2,
    /// Call the issuer: `call`, `credential`, `generation` of a live credential, and `key` or `request`.
    Call = 3,
    /// The answer to `op` is no longer needed.
    Cancel = 4,
    /// Present this identity from now on: `generation`, `key`, `cert`.
    GoLive = 5,
    /// Present no identity from now on: `generation` is the one that is withdrawn.
    Withdraw = 6,
    /// Report an event to the operator: `event`, `text`, `json`.
    Report = 7,
    /// Nothing is outstanding; end the process: `reason`.
    Exit = 8,
}

/// A disk command, and the fields of the action that it uses. `docs/disk.md` says what each must guarantee.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskCommand {
    /// Take the lock of the directory. Answered by `certrotate_disk_done`, as all commands except a scan.
    Lock = 1,
    /// Read the directory. Answered by `certrotate_scanned`.
    Scan = 2,
    /// Make an empty file `name`, mode 0600; fail if it exists.
    Create = 3,
    /// Write to `name`: `content`, `generation`, `key`, `cert` of a bundle, and `time` for the header.
    Write = 4,
    /// Make the file `name` durable and close it.
    SyncFile = 5,
    /// Rename `name` to `target`, replacing it.
    Rename = 6,
    /// Make the symbolic link `name` with the target `target`.
    Symlink = 7,
    /// Remove `name`. Success if it does not exist.
    Unlink = 8,
    /// Make the entries of the directory durable.
    SyncDir = 9,
}

/// The content of a file that is written.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Key and request; `time` is when the key was made.
    Pending = 1,
    /// Chain and key; `time` is the time of issue.
    Bundle = 2,
}

/// The kind of a file name.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// The current link. It has no number.
    Current = 1,
    /// A bundle; it has `issued`.
    Bundle = 2,
    /// A pending file.
    Pending = 3,
    /// A temporary file.
    Temporary = 4,
    /// A quarantined file.
    Quarantine = 5,
}

/// Why a disk command failed.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFault {
    /// ENOSPC or EDQUOT.
    NoSpace = 1,
    /// EROFS.
    ReadOnly = 2,
    /// EACCES or EPERM.
    Denied = 3,
    /// EEXIST.
    Exists = 4,
    /// ENOENT.
    NotFound = 5,
    /// Another process holds the lock.
    Locked = 6,
    /// The directory's owner is neither us nor root, or others may write to it.
    Unsafe = 7,
    /// The directory is missing and cannot be made, or is no directory.
    NoDirectory = 8,
    /// The key or chain of a handle is gone from the driver's key store.
    HandleGone = 9,
    /// EIO, or anything else.
    Io = 10,
}

/// The file with the name of the current link.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurrentLink {
    /// Nothing.
    Absent = 1,
    /// A link to a name of ours: `target`.
    Link = 2,
    /// A link to something else.
    Foreign = 3,
    /// A regular file.
    File = 4,
    /// A directory or another kind of file.
    Strange = 5,
    /// It could not be examined: `fault`.
    Unreadable = 6,
}

/// The state of a file that is neither an intact bundle nor an intact pending file.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// A temporary or quarantined name. The driver does not read those.
    Unread = 1,
    /// Readable, but not what its name says.
    Corrupt = 2,
    /// It could not be read: `fault`.
    Unreadable = 3,
}

/// The place of a pair that another program wrote.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The target of the current link, or a regular file in its place.
    Current = 1,
    /// `<pair>-<UTC time>.pem`: `time`.
    Dated = 2,
    /// `<pair>.crt` and `<pair>.key`.
    Split = 3,
    /// A bundle of ours that others can read or write: `name`.
    Exposed = 4,
}

/// The kind of a subject alternative name.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SanKind {
    /// A DNS name.
    Dns = 1,
    /// An IP address as text: `10.0.0.1`, `fd00::1`.
    Ip = 2,
    /// An e-mail address.
    Email = 3,
    /// A URI.
    Uri = 4,
    /// Any other kind; its text is not read.
    Other = 5,
}

/// The result of the path check to the client CA.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    /// No client CA is configured.
    Unchecked = 1,
    /// There is a path.
    Trusted = 2,
    /// There is no path.
    Untrusted = 3,
    /// The path is rejected: a signature is based on SHA-1, MD5 or MD2.
    WeakSignature = 4,
    /// The path is rejected: a signature or key is of an unsupported kind.
    SignatureAlgorithm = 5,
    /// The path is rejected: an issuer is no CA.
    NoCa = 6,
    /// The path is rejected: an unknown critical extension.
    CriticalExtension = 7,
    /// The path is rejected: too many intermediates for a path length.
    PathLength = 8,
    /// The path is rejected: the usages of an issuer do not permit the leaf's.
    IssuerUsage = 9,
    /// The path is rejected: name constraints exclude a name.
    NameConstraints = 10,
}

/// A call of the issuer.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Send the request that is kept with `key`.
    Create = 1,
    /// Read the state of the request named `request`.
    Get = 2,
    /// Wait until that request is decided.
    Watch = 3,
}

/// The credential of a call.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The bootstrap credential.
    Bootstrap = 1,
    /// The live identity of `generation`.
    Live = 2,
}

/// The state of a request.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// Nothing is decided.
    Pending = 1,
    /// Approved, and not signed yet.
    Approved = 2,
    /// Denied.
    Denied = 3,
    /// The signer cannot sign it.
    Failed = 4,
    /// It has a certificate: `cert` and `facts`.
    Issued = 5,
    /// It has a certificate that cannot be read.
    IssuedUnreadable = 6,
}

/// Why a call failed.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssuerFault {
    /// The credential could not be read or used.
    NoCredential = 1,
    /// No connection, TLS failure, or a time-out on the wire.
    Unreachable = 2,
    /// The issuer does not accept the credential.
    NotAuthenticated = 3,
    /// The issuer does not permit this credential the call.
    NotPermitted = 4,
    /// The issuer does not have the request.
    NotFound = 5,
    /// The issuer has a request of this name already.
    AlreadyExists = 6,
    /// The issuer limits the rate of calls; it may name a wait.
    Throttled = 7,
    /// The issuer rejects the request itself.
    Invalid = 8,
    /// The issuer cannot answer now; it may name a wait.
    Unavailable = 9,
    /// The watch ended without news.
    WatchEnded = 10,
    /// The key of this handle is gone from the driver's key store.
    HandleGone = 11,
    /// Any other answer.
    Unexpected = 12,
}

/// Why an input changed nothing.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// It was applied.
    No = 0,
    /// Nothing is due.
    NotDue = 1,
    /// The operation is not in flight: a late or repeated answer, or one of another run.
    NotOutstanding = 2,
    /// A request is open already, or a gate is closed.
    Busy = 3,
    /// The run ended or is ending.
    Ended = 4,
    /// The configuration is equal to the current one.
    Unchanged = 5,
    /// A client CA cannot be added or removed in a run.
    NeedsRestart = 6,
    /// Another reason, which this version of the interface does not name.
    Unknown = 7,
}

/// Why a run ended.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// After `certrotate_shutdown`.
    Shutdown = 1,
    /// Another process holds the lock.
    Locked = 2,
    /// The directory is unsafe.
    Unsafe = 3,
    /// The directory is missing or no directory.
    NoDirectory = 4,
    /// Another reason, which this version of the interface does not name.
    Unknown = 5,
}

/// What a handle names.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandleKind {
    /// A key.
    Key = 1,
    /// A certificate chain.
    Cert = 2,
}

/// A usage of a key: one bit each, to be combined with `|`.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Key usage digitalSignature.
    DigitalSignature = 1,
    /// Key usage contentCommitment.
    ContentCommitment = 2,
    /// Key usage keyEncipherment.
    KeyEncipherment = 4,
    /// Key usage dataEncipherment.
    DataEncipherment = 8,
    /// Key usage keyAgreement.
    KeyAgreement = 16,
    /// Key usage keyCertSign.
    CertSign = 32,
    /// Key usage cRLSign.
    CrlSign = 64,
    /// Key usage encipherOnly.
    EncipherOnly = 128,
    /// Key usage decipherOnly.
    DecipherOnly = 256,
    /// Extended key usage anyExtendedKeyUsage.
    Any = 512,
    /// Extended key usage serverAuth.
    ServerAuth = 1024,
    /// Extended key usage clientAuth.
    ClientAuth = 2048,
    /// Extended key usage codeSigning.
    CodeSigning = 4096,
    /// Extended key usage emailProtection.
    EmailProtection = 8192,
    /// Extended key usage timeStamping.
    Timestamping = 16384,
    /// Extended key usage OCSPSigning.
    OcspSigning = 32768,
    /// Any other extended key usage.
    Other = 65536,
}
