#ifndef CERTROTATE_H
#define CERTROTATE_H

#include <stddef.h>
#include <stdint.h>

// The result of a function.
enum CertrotateStatus
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // It succeeded.
    CERTROTATE_STATUS_OK = 0,
    // A required pointer is null.
    CERTROTATE_STATUS_NULL = 1,
    // A `size` is none that this library knows. Set it to `sizeof` of the struct.
    CERTROTATE_STATUS_SIZE = 2,
    // A text or list is longer than its limit.
    CERTROTATE_STATUS_TOO_LONG = 3,
    // A text is not UTF-8.
    CERTROTATE_STATUS_NOT_UTF8 = 4,
    // A number is not one of its enumeration, or a text is not of its form.
    CERTROTATE_STATUS_INVALID = 5,
    // An index is not below its count.
    CERTROTATE_STATUS_INDEX = 6,
    // The configuration is refused.
    CERTROTATE_STATUS_CONFIG = 7,
    // Another thread is using the object. Nothing was changed.
    CERTROTATE_STATUS_BUSY = 8,
    // A bug of this library: a panic was caught. The object is poisoned.
    CERTROTATE_STATUS_PANICKED = 9,
    // An earlier call panicked on this object. Free it.
    CERTROTATE_STATUS_POISONED = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateStatus CertrotateStatus;
#else
typedef uint32_t CertrotateStatus;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The kind of an action, and the fields that it uses besides `op`.
enum CertrotateActionKind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Carry out a disk command: `command` and the fields that the command uses.
    CERTROTATE_ACTION_KIND_DISK = 1,
    // Make a key and its request: `has_duration`, `duration`.
    CERTROTATE_ACTION_KIND_MAKE_KEY = 2,
    // Call the issuer: `call`, `credential`, `generation` of a live credential, and `key` or `request`.
    CERTROTATE_ACTION_KIND_CALL = 3,
    // The answer to `op` is no longer needed.
    CERTROTATE_ACTION_KIND_CANCEL = 4,
    // Present this identity from now on: `generation`, `key`, `cert`.
    CERTROTATE_ACTION_KIND_GO_LIVE = 5,
    // Present no identity from now on: `generation` is the one that is withdrawn.
    CERTROTATE_ACTION_KIND_WITHDRAW = 6,
    // Report an event to the operator: `event`, `text`, `json`.
    CERTROTATE_ACTION_KIND_REPORT = 7,
    // Nothing is outstanding; end the process: `reason`.
    CERTROTATE_ACTION_KIND_EXIT = 8,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateActionKind CertrotateActionKind;
#else
typedef uint32_t CertrotateActionKind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A disk command, and the fields of the action that it uses. `docs/disk.md` says what each must guarantee.
enum CertrotateDiskCommand
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Take the lock of the directory. Answered by `certrotate_disk_done`, as all commands except a scan.
    CERTROTATE_DISK_COMMAND_LOCK = 1,
    // Read the directory. Answered by `certrotate_scanned`.
    CERTROTATE_DISK_COMMAND_SCAN = 2,
    // Make an empty file `name`, mode 0600; fail if it exists.
    CERTROTATE_DISK_COMMAND_CREATE = 3,
    // Write to `name`: `content`, `generation`, `key`, `cert` of a bundle, and `time` for the header.
    CERTROTATE_DISK_COMMAND_WRITE = 4,
    // Make the file `name` durable and close it.
    CERTROTATE_DISK_COMMAND_SYNC_FILE = 5,
    // Rename `name` to `target`, replacing it.
    CERTROTATE_DISK_COMMAND_RENAME = 6,
    // Make the symbolic link `name` with the target `target`.
    CERTROTATE_DISK_COMMAND_SYMLINK = 7,
    // Remove `name`. Success if it does not exist.
    CERTROTATE_DISK_COMMAND_UNLINK = 8,
    // Make the entries of the directory durable.
    CERTROTATE_DISK_COMMAND_SYNC_DIR = 9,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateDiskCommand CertrotateDiskCommand;
#else
typedef uint32_t CertrotateDiskCommand;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The content of a file that is written.
enum CertrotateContent
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Key and request; `time` is when the key was made.
    CERTROTATE_CONTENT_PENDING = 1,
    // Chain and key; `time` is the time of issue.
    CERTROTATE_CONTENT_BUNDLE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateContent CertrotateContent;
#else
typedef uint32_t CertrotateContent;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The kind of a file name.
enum CertrotateNameKind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The current link. It has no number.
    CERTROTATE_NAME_KIND_CURRENT = 1,
    // A bundle; it has `issued`.
    CERTROTATE_NAME_KIND_BUNDLE = 2,
    // A pending file.
    CERTROTATE_NAME_KIND_PENDING = 3,
    // A temporary file.
    CERTROTATE_NAME_KIND_TEMPORARY = 4,
    // A quarantined file.
    CERTROTATE_NAME_KIND_QUARANTINE = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateNameKind CertrotateNameKind;
#else
typedef uint32_t CertrotateNameKind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Why a disk command failed.
enum CertrotateDiskFault
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // ENOSPC or EDQUOT.
    CERTROTATE_DISK_FAULT_NO_SPACE = 1,
    // EROFS.
    CERTROTATE_DISK_FAULT_READ_ONLY = 2,
    // EACCES or EPERM.
    CERTROTATE_DISK_FAULT_DENIED = 3,
    // EEXIST.
    CERTROTATE_DISK_FAULT_EXISTS = 4,
    // ENOENT.
    CERTROTATE_DISK_FAULT_NOT_FOUND = 5,
    // Another process holds the lock.
    CERTROTATE_DISK_FAULT_LOCKED = 6,
    // The directory's owner is neither us nor root, or others may write to it.
    CERTROTATE_DISK_FAULT_UNSAFE = 7,
    // The directory is missing and cannot be made, or is no directory.
    CERTROTATE_DISK_FAULT_NO_DIRECTORY = 8,
    // The key or chain of a handle is gone from the driver's key store.
    CERTROTATE_DISK_FAULT_HANDLE_GONE = 9,
    // EIO, or anything else.
    CERTROTATE_DISK_FAULT_IO = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateDiskFault CertrotateDiskFault;
#else
typedef uint32_t CertrotateDiskFault;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The file with the name of the current link.
enum CertrotateCurrentLink
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Nothing.
    CERTROTATE_CURRENT_LINK_ABSENT = 1,
    // A link to a name of ours: `target`.
    CERTROTATE_CURRENT_LINK_LINK = 2,
    // A link to something else.
    CERTROTATE_CURRENT_LINK_FOREIGN = 3,
    // A regular file.
    CERTROTATE_CURRENT_LINK_FILE = 4,
    // A directory or another kind of file.
    CERTROTATE_CURRENT_LINK_STRANGE = 5,
    // It could not be examined: `fault`.
    CERTROTATE_CURRENT_LINK_UNREADABLE = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateCurrentLink CertrotateCurrentLink;
#else
typedef uint32_t CertrotateCurrentLink;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The state of a file that is neither an intact bundle nor an intact pending file.
enum CertrotateFileState
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // A temporary or quarantined name. The driver does not read those.
    CERTROTATE_FILE_STATE_UNREAD = 1,
    // Readable, but not what its name says.
    CERTROTATE_FILE_STATE_CORRUPT = 2,
    // It could not be read: `fault`.
    CERTROTATE_FILE_STATE_UNREADABLE = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateFileState CertrotateFileState;
#else
typedef uint32_t CertrotateFileState;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The place of a pair that another program wrote.
enum CertrotatePlace
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The target of the current link, or a regular file in its place.
    CERTROTATE_PLACE_CURRENT = 1,
    // `<pair>-<UTC time>.pem`: `time`.
    CERTROTATE_PLACE_DATED = 2,
    // `<pair>.crt` and `<pair>.key`.
    CERTROTATE_PLACE_SPLIT = 3,
    // A bundle of ours that others can read or write: `name`.
    CERTROTATE_PLACE_EXPOSED = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotatePlace CertrotatePlace;
#else
typedef uint32_t CertrotatePlace;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The kind of a subject alternative name.
enum CertrotateSanKind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // A DNS name.
    CERTROTATE_SAN_KIND_DNS = 1,
    // An IP address as text: `10.0.0.1`, `fd00::1`.
    CERTROTATE_SAN_KIND_IP = 2,
    // An e-mail address.
    CERTROTATE_SAN_KIND_EMAIL = 3,
    // A URI.
    CERTROTATE_SAN_KIND_URI = 4,
    // Any other kind; its text is not read.
    CERTROTATE_SAN_KIND_OTHER = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateSanKind CertrotateSanKind;
#else
typedef uint32_t CertrotateSanKind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The result of the path check to the client CA.
enum CertrotateChain
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // No client CA is configured.
    CERTROTATE_CHAIN_UNCHECKED = 1,
    // There is a path.
    CERTROTATE_CHAIN_TRUSTED = 2,
    // There is no path.
    CERTROTATE_CHAIN_UNTRUSTED = 3,
    // The path is rejected: a signature is based on SHA-1, MD5 or MD2.
    CERTROTATE_CHAIN_WEAK_SIGNATURE = 4,
    // The path is rejected: a signature or key is of an unsupported kind.
    CERTROTATE_CHAIN_SIGNATURE_ALGORITHM = 5,
    // The path is rejected: an issuer is no CA.
    CERTROTATE_CHAIN_NO_CA = 6,
    // The path is rejected: an unknown critical extension.
    CERTROTATE_CHAIN_CRITICAL_EXTENSION = 7,
    // The path is rejected: too many intermediates for a path length.
    CERTROTATE_CHAIN_PATH_LENGTH = 8,
    // The path is rejected: the usages of an issuer do not permit the leaf's.
    CERTROTATE_CHAIN_ISSUER_USAGE = 9,
    // The path is rejected: name constraints exclude a name.
    CERTROTATE_CHAIN_NAME_CONSTRAINTS = 10,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateChain CertrotateChain;
#else
typedef uint32_t CertrotateChain;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A call of the issuer.
enum CertrotateCall
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Send the request that is kept with `key`.
    CERTROTATE_CALL_CREATE = 1,
    // Read the state of the request named `request`.
    CERTROTATE_CALL_GET = 2,
    // Wait until that request is decided.
    CERTROTATE_CALL_WATCH = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateCall CertrotateCall;
#else
typedef uint32_t CertrotateCall;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The credential of a call.
enum CertrotateCredential
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The bootstrap credential.
    CERTROTATE_CREDENTIAL_BOOTSTRAP = 1,
    // The live identity of `generation`.
    CERTROTATE_CREDENTIAL_LIVE = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateCredential CertrotateCredential;
#else
typedef uint32_t CertrotateCredential;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The state of a request.
enum CertrotateRequestState
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Nothing is decided.
    CERTROTATE_REQUEST_STATE_PENDING = 1,
    // Approved, and not signed yet.
    CERTROTATE_REQUEST_STATE_APPROVED = 2,
    // Denied.
    CERTROTATE_REQUEST_STATE_DENIED = 3,
    // The signer cannot sign it.
    CERTROTATE_REQUEST_STATE_FAILED = 4,
    // It has a certificate: `cert` and `facts`.
    CERTROTATE_REQUEST_STATE_ISSUED = 5,
    // It has a certificate that cannot be read.
    CERTROTATE_REQUEST_STATE_ISSUED_UNREADABLE = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateRequestState CertrotateRequestState;
#else
typedef uint32_t CertrotateRequestState;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Why a call failed.
enum CertrotateIssuerFault
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The credential could not be read or used.
    CERTROTATE_ISSUER_FAULT_NO_CREDENTIAL = 1,
    // No connection, TLS failure, or a time-out on the wire.
    CERTROTATE_ISSUER_FAULT_UNREACHABLE = 2,
    // The issuer does not accept the credential.
    CERTROTATE_ISSUER_FAULT_NOT_AUTHENTICATED = 3,
    // The issuer does not permit this credential the call.
    CERTROTATE_ISSUER_FAULT_NOT_PERMITTED = 4,
    // The issuer does not have the request.
    CERTROTATE_ISSUER_FAULT_NOT_FOUND = 5,
    // The issuer has a request of this name already.
    CERTROTATE_ISSUER_FAULT_ALREADY_EXISTS = 6,
    // The issuer limits the rate of calls; it may name a wait.
    CERTROTATE_ISSUER_FAULT_THROTTLED = 7,
    // The issuer rejects the request itself.
    CERTROTATE_ISSUER_FAULT_INVALID = 8,
    // The issuer cannot answer now; it may name a wait.
    CERTROTATE_ISSUER_FAULT_UNAVAILABLE = 9,
    // The watch ended without news.
    CERTROTATE_ISSUER_FAULT_WATCH_ENDED = 10,
    // The key of this handle is gone from the driver's key store.
    CERTROTATE_ISSUER_FAULT_HANDLE_GONE = 11,
    // Any other answer.
    CERTROTATE_ISSUER_FAULT_UNEXPECTED = 12,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateIssuerFault CertrotateIssuerFault;
#else
typedef uint32_t CertrotateIssuerFault;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Why an input changed nothing.
enum CertrotateIgnored
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // It was applied.
    CERTROTATE_IGNORED_NO = 0,
    // Nothing is due.
    CERTROTATE_IGNORED_NOT_DUE = 1,
    // The operation is not in flight: a late or repeated answer, or one of another run.
    CERTROTATE_IGNORED_NOT_OUTSTANDING = 2,
    // A request is open already, or a gate is closed.
    CERTROTATE_IGNORED_BUSY = 3,
    // The run ended or is ending.
    CERTROTATE_IGNORED_ENDED = 4,
    // The configuration is equal to the current one.
    CERTROTATE_IGNORED_UNCHANGED = 5,
    // A client CA cannot be added or removed in a run.
    CERTROTATE_IGNORED_NEEDS_RESTART = 6,
    // Another reason, which this version of the interface does not name.
    CERTROTATE_IGNORED_UNKNOWN = 7,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateIgnored CertrotateIgnored;
#else
typedef uint32_t CertrotateIgnored;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Why a run ended.
enum CertrotateExitReason
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // After `certrotate_shutdown`.
    CERTROTATE_EXIT_REASON_SHUTDOWN = 1,
    // Another process holds the lock.
    CERTROTATE_EXIT_REASON_LOCKED = 2,
    // The directory is unsafe.
    CERTROTATE_EXIT_REASON_UNSAFE = 3,
    // The directory is missing or no directory.
    CERTROTATE_EXIT_REASON_NO_DIRECTORY = 4,
    // Another reason, which this version of the interface does not name.
    CERTROTATE_EXIT_REASON_UNKNOWN = 5,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateExitReason CertrotateExitReason;
#else
typedef uint32_t CertrotateExitReason;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a handle names.
enum CertrotateHandleKind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // A key.
    CERTROTATE_HANDLE_KIND_KEY = 1,
    // A certificate chain.
    CERTROTATE_HANDLE_KIND_CERT = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateHandleKind CertrotateHandleKind;
#else
typedef uint32_t CertrotateHandleKind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A usage of a key: one bit each, to be combined with `|`.
enum CertrotateUsage
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Key usage digitalSignature.
    CERTROTATE_USAGE_DIGITAL_SIGNATURE = 1,
    // Key usage contentCommitment.
    CERTROTATE_USAGE_CONTENT_COMMITMENT = 2,
    // Key usage keyEncipherment.
    CERTROTATE_USAGE_KEY_ENCIPHERMENT = 4,
    // Key usage dataEncipherment.
    CERTROTATE_USAGE_DATA_ENCIPHERMENT = 8,
    // Key usage keyAgreement.
    CERTROTATE_USAGE_KEY_AGREEMENT = 16,
    // Key usage keyCertSign.
    CERTROTATE_USAGE_CERT_SIGN = 32,
    // Key usage cRLSign.
    CERTROTATE_USAGE_CRL_SIGN = 64,
    // Key usage encipherOnly.
    CERTROTATE_USAGE_ENCIPHER_ONLY = 128,
    // Key usage decipherOnly.
    CERTROTATE_USAGE_DECIPHER_ONLY = 256,
    // Extended key usage anyExtendedKeyUsage.
    CERTROTATE_USAGE_ANY = 512,
    // Extended key usage serverAuth.
    CERTROTATE_USAGE_SERVER_AUTH = 1024,
    // Extended key usage clientAuth.
    CERTROTATE_USAGE_CLIENT_AUTH = 2048,
    // Extended key usage codeSigning.
    CERTROTATE_USAGE_CODE_SIGNING = 4096,
    // Extended key usage emailProtection.
    CERTROTATE_USAGE_EMAIL_PROTECTION = 8192,
    // Extended key usage timeStamping.
    CERTROTATE_USAGE_TIMESTAMPING = 16384,
    // Extended key usage OCSPSigning.
    CERTROTATE_USAGE_OCSP_SIGNING = 32768,
    // Any other extended key usage.
    CERTROTATE_USAGE_OTHER = 65536,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateUsage CertrotateUsage;
#else
typedef uint32_t CertrotateUsage;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// An event.
enum CertrotateEventCode
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // One that this version of the interface does not name; its text and JSON say it.
    CERTROTATE_EVENT_CODE_UNKNOWN = 0,
    // A file of ours is not acceptable at start-up; another identity, or bootstrap, is used instead.
    CERTROTATE_EVENT_CODE_FILE_REFUSED = 1,
    // A file of ours cannot be read; it is left alone.
    CERTROTATE_EVENT_CODE_FILE_UNREADABLE = 2,
    // The current link is not a link to a bundle, or it leads to a good pair of another identity.
    CERTROTATE_EVENT_CODE_CURRENT_LINK_FOREIGN = 3,
    // The current link leads to no usable pair: its target is missing, damaged, unreadable or refused.
    CERTROTATE_EVENT_CODE_CURRENT_LINK_UNUSABLE = 4,
    // A file with the name of the current link, or with another name of ours, was moved aside.
    CERTROTATE_EVENT_CODE_QUARANTINED = 5,
    // An identity is live.
    CERTROTATE_EVENT_CODE_LIVE = 6,
    // The live identity expired and was withdrawn.
    CERTROTATE_EVENT_CODE_EXPIRED = 7,
    // The wall clock is before the live identity's notBefore.
    CERTROTATE_EVENT_CODE_NOT_YET_VALID = 8,
    // An accepted certificate is not yet valid.
    CERTROTATE_EVENT_CODE_HELD = 9,
    // The disk refuses writes, and the durable identity expires soon or there is none.
    CERTROTATE_EVENT_CODE_IDENTITY_IN_MEMORY = 10,
    // The disk refuses the key, and the identity expires soon or there is none.
    CERTROTATE_EVENT_CODE_REQUEST_IN_MEMORY = 11,
    // The wall clock is before the build time of this program.
    CERTROTATE_EVENT_CODE_CLOCK_INVALID = 12,
    // The driver's monotonic clock went back.
    CERTROTATE_EVENT_CODE_MONOTONIC_CLOCK_REGRESSED = 13,
    // The wall clock is before the notBefore of an accepted certificate, and no other is valid.
    CERTROTATE_EVENT_CODE_CLOCK_SUSPECT = 14,
    // A pair outside our bundles was copied into one, and is live.
    CERTROTATE_EVENT_CODE_ADOPTED = 15,
    // The identity has other alternative names or usages than the template.
    CERTROTATE_EVENT_CODE_OLD_TEMPLATE = 16,
    // The live identity is for another subject than the template's, and was withdrawn.
    CERTROTATE_EVENT_CODE_OTHER_SUBJECT = 17,
    // The request is for an old template and was abandoned.
    CERTROTATE_EVENT_CODE_REQUEST_ABANDONED = 18,
    // The request was made as an identity that has expired since, and is not approved.
    CERTROTATE_EVENT_CODE_REQUEST_OF_EXPIRED = 19,
    // A renewal begins.
    CERTROTATE_EVENT_CODE_ATTEMPT_STARTED = 20,
    // A request waits for approval.
    CERTROTATE_EVENT_CODE_REQUEST_PENDING = 21,
    // A request was denied.
    CERTROTATE_EVENT_CODE_REQUEST_DENIED = 22,
    // The signer failed a request.
    CERTROTATE_EVENT_CODE_REQUEST_FAILED = 23,
    // Another client's object has our request's name.
    CERTROTATE_EVENT_CODE_REQUEST_FOREIGN = 24,
    // A request was approved long ago and has no certificate.
    CERTROTATE_EVENT_CODE_REQUEST_STUCK = 25,
    // The driver lost the key or the certificate of this request, which is abandoned.
    CERTROTATE_EVENT_CODE_HANDLE_GONE = 26,
    // The issued certificate is not acceptable.
    CERTROTATE_EVENT_CODE_CERTIFICATE_REFUSED = 27,
    // A call failed.
    CERTROTATE_EVENT_CODE_CALL_FAILED = 28,
    // A call was not answered in time.
    CERTROTATE_EVENT_CODE_CALL_TIMED_OUT = 29,
    // No key could be made.
    CERTROTATE_EVENT_CODE_KEY_FAILED = 30,
    // A disk operation failed.
    CERTROTATE_EVENT_CODE_DISK_FAILED = 31,
    // A disk operation was not answered in time.
    CERTROTATE_EVENT_CODE_DISK_TIMED_OUT = 32,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateEventCode CertrotateEventCode;
#else
typedef uint32_t CertrotateEventCode;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How urgent an event is.
enum CertrotateSeverity
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Normal operation.
    CERTROTATE_SEVERITY_INFO = 1,
    // A problem that the program can overcome.
    CERTROTATE_SEVERITY_WARNING = 2,
    // A problem that needs the operator.
    CERTROTATE_SEVERITY_ERROR = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum CertrotateSeverity CertrotateSeverity;
#else
typedef uint32_t CertrotateSeverity;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The inventory of a scan. Use it from one thread at a time.
typedef struct CertrotateInventory CertrotateInventory;

// The rotation of one identity. Use it from one thread at a time.
typedef struct CertrotateRotator CertrotateRotator;

// The result of a step: actions, and handles to erase. It never changes, so several threads may read it.
typedef struct CertrotateStep CertrotateStep;

// What both clocks show, in milliseconds.
typedef struct CertrotateNow {
    // Since 1970-01-01T00:00:00Z. It may jump.
    int64_t wall;
    // Since any start, suspended time included. It never goes back.
    uint64_t mono;
} CertrotateNow;

// The identity to present now.
typedef struct CertrotateLive {
    // `sizeof(CertrotateLive)`.
    size_t size;
    // Its key.
    uint64_t key;
    // Its chain.
    uint64_t cert;
    // Whether there is one: zero or one. If zero, present nothing.
    uint8_t is_live;
} CertrotateLive;

// The result of a step in numbers.
typedef struct CertrotateSummary {
    // `sizeof(CertrotateSummary)`.
    size_t size;
    // How many actions to carry out, in order.
    size_t actions;
    // How many keys and chains to erase.
    size_t erase;
    // An `Ignored`: zero if the input was applied.
    uint32_t ignored;
} CertrotateSummary;

// The id of an operation.
typedef struct CertrotateOp {
    // The run.
    uint64_t run;
    // Counts up within the run.
    uint32_t seq;
} CertrotateOp;

// A file name of ours. The driver adds the name of the pair: `docs/disk.md` has the forms.
typedef struct CertrotateName {
    // A `NameKind`; zero where an action has no such name.
    uint32_t kind;
    // The generation; zero for the current link.
    uint32_t generation;
    // The file number; zero for the current link.
    uint32_t file;
    // The time of issue of a bundle, milliseconds since 1970.
    int64_t issued;
} CertrotateName;

// A SHA-256 digest.
typedef struct CertrotateDigest {
    // Its bytes.
    uint8_t bytes[32];
} CertrotateDigest;

// A text in UTF-8. It need not end with NUL when the caller gives it; it does when the library gives it.
typedef struct CertrotateText {
    // The bytes; may be null if `length` is zero.
    const char *bytes;
    // How many bytes, without a NUL.
    size_t length;
} CertrotateText;

// An action. `kind` says which fields it uses; the others are zero.
typedef struct CertrotateAction {
    // `sizeof(CertrotateAction)`.
    size_t size;
    // An `ActionKind`.
    uint32_t kind;
    // A `DiskCommand`.
    uint32_t command;
    // The id that the answer names.
    struct CertrotateOp op;
    // The name that a disk command acts on.
    struct CertrotateName name;
    // The new name of a rename, or the target of a link.
    struct CertrotateName target;
    // A `Content`.
    uint32_t content;
    // The generation of a content, a credential or an identity.
    uint32_t generation;
    // A time for the header of a file, milliseconds since 1970.
    int64_t time;
    // A key.
    uint64_t key;
    // A chain.
    uint64_t cert;
    // The lifetime to request in place of the template's, in milliseconds.
    uint64_t duration;
    // Whether there is such a lifetime: zero or one.
    uint8_t has_duration;
    // A `Call`.
    uint32_t call;
    // A `Credential`.
    uint32_t credential;
    // The name of a request.
    struct CertrotateDigest request;
    // An `ExitReason`.
    uint32_t reason;
    // An `EventCode`.
    uint32_t event;
    // A `Severity`.
    uint32_t severity;
    // The event for an operator. It ends with NUL, and belongs to the step.
    struct CertrotateText text;
    // The event as JSON, with all details. It ends with NUL, and belongs to the step.
    struct CertrotateText json;
} CertrotateAction;

// A key or chain in the driver's key store.
typedef struct CertrotateHandle {
    // A `HandleKind`.
    uint32_t kind;
    // Its number.
    uint64_t number;
} CertrotateHandle;

// A further attribute of a subject.
typedef struct CertrotateAttribute {
    // Its type in dotted form, such as `2.5.4.11`.
    struct CertrotateText oid;
    // Its value; `bytes` is null if the value is not readable text.
    struct CertrotateText text;
} CertrotateAttribute;

// The subject of a certificate or template.
typedef struct CertrotateSubject {
    // The common name; empty if there is none.
    struct CertrotateText common_name;
    // The organizations; may be null if there is none.
    const struct CertrotateText *organizations;
    // How many organizations.
    size_t organization_count;
    // The further attributes, a second common name among them; may be null if there is none.
    const struct CertrotateAttribute *others;
    // How many further attributes.
    size_t other_count;
} CertrotateSubject;

// A subject alternative name.
typedef struct CertrotateSan {
    // A `SanKind`.
    uint32_t kind;
    // The name.
    struct CertrotateText text;
} CertrotateSan;

// A list of alternative names.
typedef struct CertrotateSans {
    // The names; may be null if `count` is zero.
    const struct CertrotateSan *items;
    // How many.
    size_t count;
} CertrotateSans;

// The facts of a certificate chain. A driver that misreports them is not detected.
typedef struct CertrotateFacts {
    // `sizeof(CertrotateFacts)`.
    size_t size;
    // SHA-256 of the leaf (DER).
    struct CertrotateDigest leaf;
    // SHA-256 of the leaf's SubjectPublicKeyInfo (DER).
    struct CertrotateDigest key_digest;
    // The leaf's subject.
    struct CertrotateSubject subject;
    // The leaf's alternative names.
    struct CertrotateSans sans;
    // The leaf's usages: `CERTROTATE_USAGE_…`.
    uint32_t usages;
    // A `Chain`.
    uint32_t chain;
    // The latest notBefore of the chain, milliseconds since 1970.
    int64_t not_before;
    // The earliest notAfter of the chain.
    int64_t not_after;
    // Whether the leaf is a CA: zero or not.
    uint8_t is_ca;
} CertrotateFacts;

// An intact bundle of a scan.
typedef struct CertrotateBundle {
    // `sizeof(CertrotateBundle)`.
    size_t size;
    // The generation in its header.
    uint32_t generation;
    // The time of issue in its header, milliseconds since 1970.
    int64_t issued;
    // The digest of its key's public half.
    struct CertrotateDigest key_digest;
    // The facts of its chain.
    const struct CertrotateFacts *facts;
    // The key that was read.
    uint64_t key;
    // The chain that was read.
    uint64_t cert;
    // Whether the file is ours alone, with one name and mode 0600: zero or not.
    uint8_t is_private;
} CertrotateBundle;

// The template that a pending file was made for.
typedef struct CertrotateTemplate {
    // `sizeof(CertrotateTemplate)`.
    size_t size;
    // The subject.
    struct CertrotateSubject subject;
    // The alternative names.
    struct CertrotateSans sans;
    // The signer.
    struct CertrotateText signer;
    // The usages: `CERTROTATE_USAGE_…`.
    uint32_t usages;
    // Whether a lifetime was requested: zero or not.
    uint8_t has_duration;
    // The requested lifetime in milliseconds.
    uint64_t duration;
    // The shortest lifetime that the issuer accepts, in milliseconds; zero if there is none.
    uint64_t shortest_duration;
} CertrotateTemplate;

// An intact pending file of a scan.
typedef struct CertrotatePending {
    // `sizeof(CertrotatePending)`.
    size_t size;
    // The generation in its header.
    uint32_t generation;
    // When the key was made, milliseconds since 1970.
    int64_t made;
    // The digest of its key's public half.
    struct CertrotateDigest key_digest;
    // The name of its request.
    struct CertrotateDigest request;
    // The template that it was made for.
    const struct CertrotateTemplate *made_for;
    // The key and the request that were read.
    uint64_t key;
    // Whether the file has mode 0600: zero or not.
    uint8_t is_private;
} CertrotatePending;

// A pair of another program.
typedef struct CertrotatePair {
    // `sizeof(CertrotatePair)`.
    size_t size;
    // A `Place`.
    uint32_t place;
    // The time in the name of a dated pair, milliseconds since 1970.
    int64_t time;
    // The name of an exposed bundle.
    struct CertrotateName name;
    // The digest of its key's public half.
    struct CertrotateDigest key_digest;
    // The facts of its chain.
    const struct CertrotateFacts *facts;
    // The key that was read.
    uint64_t key;
    // The chain that was read.
    uint64_t cert;
} CertrotatePair;

// A request as the issuer shows it.
typedef struct CertrotateRequestRecord {
    // `sizeof(CertrotateRequestRecord)`.
    size_t size;
    // The digest of its public key; null if that cannot be read.
    const struct CertrotateDigest *key_digest;
    // The signer.
    struct CertrotateText signer;
    // The user who made it; empty if the issuer does not say.
    struct CertrotateText requester;
    // The requested usages: `CERTROTATE_USAGE_…`.
    uint32_t usages;
    // A `RequestState`.
    uint32_t state;
    // The issued chain.
    uint64_t cert;
    // The facts of the issued chain; null in other states.
    const struct CertrotateFacts *facts;
} CertrotateRequestRecord;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Returns the version of the library. The text is static.
const char *certrotate_version(void);

// Returns the meaning of a status. The text is static.
const char *certrotate_status_message(uint32_t status);

// Returns what was wrong in the last call of this thread that failed, and what to do. The text belongs to the library, and is
// valid until the next failure of this thread.
const char *certrotate_last_error(void);

// Makes a rotator. `config` is a configuration in JSON of `length` bytes; the README has one. `run` is drawn at random, another
// one for each rotator of each run. The caller frees `*rotator`.
CertrotateStatus certrotate_rotator_new(const char *config,
                                        size_t length,
                                        uint64_t run,
                                        struct CertrotateRotator **rotator);

// Frees a rotator. Null is nothing to free.
void certrotate_rotator_free(struct CertrotateRotator *rotator);

// Says how long the driver may sleep from `now` on: until the next tick is due or the wall clock must be read again. It is zero
// where a tick is due, and `UINT64_MAX` after the run ended. An answer ends the sleep early.
CertrotateStatus certrotate_sleep(const struct CertrotateRotator *rotator,
                                  struct CertrotateNow now,
                                  uint64_t *milliseconds);

// Returns the identity to present, checked against the wall clock `wall` of this moment.
CertrotateStatus certrotate_live(const struct CertrotateRotator *rotator, int64_t wall, struct CertrotateLive *live);

// Counts actions and handles, and says whether the input was applied.
CertrotateStatus certrotate_step_summary(const struct CertrotateStep *step, struct CertrotateSummary *summary);

// Returns an action. Carry out all of them in the order of their index. The texts belong to the step.
CertrotateStatus certrotate_step_action(const struct CertrotateStep *step,
                                        size_t index,
                                        struct CertrotateAction *action);

// Returns a key or chain that the driver erases now, after the actions. It erases no others.
CertrotateStatus certrotate_step_erase(const struct CertrotateStep *step,
                                       size_t index,
                                       struct CertrotateHandle *handle);

// Frees a step and the texts of its actions. Null is nothing to free.
void certrotate_step_free(struct CertrotateStep *step);

// Makes an empty inventory, without a current link. The caller frees `*inventory`.
CertrotateStatus certrotate_inventory_new(struct CertrotateInventory **inventory);

// Frees an inventory. Null is nothing to free.
void certrotate_inventory_free(struct CertrotateInventory *inventory);

// Sets the current link. `kind` is a `CurrentLink`; `target` is read for a link, `fault` (a `DiskFault`) for an unreadable one.
CertrotateStatus certrotate_inventory_set_current(const struct CertrotateInventory *inventory,
                                                  uint32_t kind,
                                                  const struct CertrotateName *target,
                                                  uint32_t fault);

// Says that the directory has more than 64 names of ours.
CertrotateStatus certrotate_inventory_set_more(const struct CertrotateInventory *inventory);

// Adds an intact bundle.
CertrotateStatus certrotate_inventory_add_bundle(const struct CertrotateInventory *inventory,
                                                 struct CertrotateName name,
                                                 const struct CertrotateBundle *bundle);

// Adds an intact pending file.
CertrotateStatus certrotate_inventory_add_pending(const struct CertrotateInventory *inventory,
                                                  struct CertrotateName name,
                                                  const struct CertrotatePending *pending);

// Adds any other file. `state` is a `FileState`; `fault` (a `DiskFault`) is read for an unreadable one.
CertrotateStatus certrotate_inventory_add_file(const struct CertrotateInventory *inventory,
                                               struct CertrotateName name,
                                               uint32_t state,
                                               uint32_t fault);

// Adds a pair of another program.
CertrotateStatus certrotate_inventory_add_pair(const struct CertrotateInventory *inventory,
                                               const struct CertrotatePair *pair);

// Time passed, or the wall clock was set. The first tick starts the rotator.
CertrotateStatus certrotate_tick(const struct CertrotateRotator *rotator,
                                 struct CertrotateNow now,
                                 struct CertrotateStep **step);

// A disk command other than a scan succeeded.
CertrotateStatus certrotate_disk_done(const struct CertrotateRotator *rotator,
                                      struct CertrotateNow now,
                                      struct CertrotateOp op,
                                      struct CertrotateStep **step);

// A scan succeeded. The inventory is copied, and stays the caller's.
CertrotateStatus certrotate_scanned(const struct CertrotateRotator *rotator,
                                    struct CertrotateNow now,
                                    struct CertrotateOp op,
                                    const struct CertrotateInventory *inventory,
                                    struct CertrotateStep **step);

// A disk command failed. `fault` is a `DiskFault`.
CertrotateStatus certrotate_disk_failed(const struct CertrotateRotator *rotator,
                                        struct CertrotateNow now,
                                        struct CertrotateOp op,
                                        uint32_t fault,
                                        struct CertrotateStep **step);

// A key and its request were made. `key_digest` is SHA-256 of the public half, `request` the name of the request.
CertrotateStatus certrotate_key_made(const struct CertrotateRotator *rotator,
                                     struct CertrotateNow now,
                                     struct CertrotateOp op,
                                     uint64_t key,
                                     const struct CertrotateDigest *key_digest,
                                     const struct CertrotateDigest *request,
                                     struct CertrotateStep **step);

// No key could be made.
CertrotateStatus certrotate_key_failed(const struct CertrotateRotator *rotator,
                                       struct CertrotateNow now,
                                       struct CertrotateOp op,
                                       struct CertrotateStep **step);

// The issuer answered a call with the state of the request.
CertrotateStatus certrotate_call_answered(const struct CertrotateRotator *rotator,
                                          struct CertrotateNow now,
                                          struct CertrotateOp op,
                                          const struct CertrotateRequestRecord *record,
                                          struct CertrotateStep **step);

// A call failed. `fault` is an `IssuerFault`; `retry_after` is the wait in milliseconds that the issuer names, or null.
CertrotateStatus certrotate_call_failed(const struct CertrotateRotator *rotator,
                                        struct CertrotateNow now,
                                        struct CertrotateOp op,
                                        uint32_t fault,
                                        const uint64_t *retry_after,
                                        struct CertrotateStep **step);

// The operator requests a rotation now.
CertrotateStatus certrotate_rotate_now(const struct CertrotateRotator *rotator,
                                       struct CertrotateNow now,
                                       struct CertrotateStep **step);

// The configuration changes to another one, in JSON of `length` bytes.
CertrotateStatus certrotate_reconfigure(const struct CertrotateRotator *rotator,
                                        struct CertrotateNow now,
                                        const char *config,
                                        size_t length,
                                        struct CertrotateStep **step);

// The driver ends: core finishes the disk command in flight, and then exits.
CertrotateStatus certrotate_shutdown(const struct CertrotateRotator *rotator,
                                     struct CertrotateNow now,
                                     struct CertrotateStep **step);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* CERTROTATE_H */
