//! Writes the node's own kubeconfig. It names the current link as certificate and key, so a
//! rotation never changes it (F65).

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::error::{KubeconfigError, Problem};
use super::types::{Kubeconfig, Material, User};
use crate::files::FileError;

/// The state of the node's own kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The file does not exist.
    Absent,
    /// A kubeconfig with the current link as client certificate and key.
    Ours(Box<Kubeconfig>),
}

/// Reads the node's own kubeconfig. `link` is the current link, `<cert-dir>/<pair>-current.pem`.
///
/// # Errors
///
/// The existing file is not ours, unreadable, or no usable kubeconfig. The agent never overwrites
/// it.
pub fn standing(path: &Path, link: &Path) -> Result<Standing, KubeconfigError> {
    match Kubeconfig::read(path) {
        Ok(found) if names_link(&found.user, link) => Ok(Standing::Ours(Box::new(found))),
        Ok(_) => Err(KubeconfigError::new(path, Problem::NotOurs { link: link.to_owned() })),
        Err(KubeconfigError { problem: Problem::Unread(FileError::Missing), .. }) => Ok(Standing::Absent),
        Err(error) => Err(error),
    }
}

/// Writes the node's own kubeconfig unless it exists: server, CA and TLS server name of `source`,
/// and the link as client certificate and key. Returns whether it wrote the file. A reader sees the
/// whole file or none, also after a crash.
///
/// # Errors
///
/// As [`standing`], or a write failed.
pub fn ensure(path: &Path, link: &Path, source: &Kubeconfig) -> Result<bool, KubeconfigError> {
    ensure_while(path, link, source, &|| true)
}

/// As [`ensure`]. A write that is no longer wanted creates no file: one that hung may finish hours later, with a CA
/// that was replaced meanwhile.
pub(crate) fn ensure_while(
    path: &Path,
    link: &Path,
    source: &Kubeconfig,
    is_wanted: &dyn Fn() -> bool,
) -> Result<bool, KubeconfigError> {
    if let Standing::Ours(_) = standing(path, link)? {
        return Ok(false);
    }
    let unwritable =
        |error: io::Error| KubeconfigError::new(path, Problem::Unwritable { error: error.kind() });
    let text = render(link, source).map_err(unwritable)?;
    write_whole(path, text.as_bytes(), is_wanted).map_err(unwritable)?;
    Ok(true)
}

fn names_link(user: &User, link: &Path) -> bool {
    let User::Certificate { certificate: Material::File(certificate), key: Material::File(key) } = user
    else {
        return false;
    };
    same_place(certificate, link) && same_place(key, link)
}

/// Returns whether two paths are the same name in the same directory, without following it.
fn same_place(one: &Path, other: &Path) -> bool {
    let directory = |path: &Path| {
        let parent = std::path::absolute(path).ok()?.parent()?.to_owned();
        Some(parent.canonicalize().unwrap_or(parent))
    };
    one.file_name() == other.file_name() && directory(one) == directory(other)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    api_version: &'static str,
    kind: &'static str,
    clusters: [Named<Inner>; 1],
    users: [Named<Inner>; 1],
    contexts: [Named<Inner>; 1],
    #[serde(rename = "current-context")]
    current_context: &'static str,
}

#[derive(Serialize)]
struct Named<T> {
    name: &'static str,
    #[serde(flatten)]
    inner: T,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Inner {
    Cluster(Cluster),
    User(Pair),
    Context(Context),
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_authority: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_authority_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_server_name: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Pair {
    client_certificate: PathBuf,
    client_key: PathBuf,
}

#[derive(Serialize)]
struct Context {
    cluster: &'static str,
    user: &'static str,
}

// The kubelet's names (Kubernetes `pkg/kubelet/certificate/bootstrap/bootstrap.go`).
const CLUSTER: &str = "default-cluster";
const USER: &str = "default-auth";
const CONTEXT: &str = "default-context";

fn render(link: &Path, source: &Kubeconfig) -> io::Result<String> {
    use base64::Engine as _;
    // Both files may lie in other directories than this one: a relative path would change its meaning.
    let link = std::path::absolute(link)?;
    let (file, data) = match &source.ca {
        Material::File(path) => (Some(std::path::absolute(path)?), None),
        Material::Data(bytes) => (None, Some(base64::engine::general_purpose::STANDARD.encode(bytes))),
    };
    let cluster = Cluster {
        server: source.server.clone(),
        certificate_authority: file,
        certificate_authority_data: data,
        tls_server_name: source.tls_server_name.clone(),
    };
    let config = Config {
        api_version: "v1",
        kind: "Config",
        clusters: [Named { name: CLUSTER, inner: Inner::Cluster(cluster) }],
        users: [Named {
            name: USER,
            inner: Inner::User(Pair { client_certificate: link.clone(), client_key: link }),
        }],
        contexts: [Named { name: CONTEXT, inner: Inner::Context(Context { cluster: CLUSTER, user: USER }) }],
        current_context: CONTEXT,
    };
    serde_saphyr::to_string(&config).map_err(io::Error::other)
}

/// Temporary file, sync, rename, directory sync.
fn write_whole(path: &Path, bytes: &[u8], is_wanted: &dyn Fn() -> bool) -> io::Result<()> {
    let path = std::path::absolute(path)?;
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidFilename.into());
    };
    make_directories(directory)?;
    let mut temporary = name.to_owned();
    temporary.push(".certrotate-tmp");
    let temporary = directory.join(temporary);
    // A temporary file of a crashed run: its suffix is ours, but its content is not trusted.
    if let Err(error) = std::fs::remove_file(&temporary)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        // A umask can take bits from 0600, and adds none.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        if !is_wanted() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        rename_new(&temporary, &path)?;
        File::open(directory)?.sync_all()
    })();
    if written.is_err() {
        // Report the first error; the next attempt removes a remaining file.
        let _ = std::fs::remove_file(&temporary);
    }
    written
}

/// Makes a directory and its parents where they are missing. A umask can take bits from 0755; the owner's are given back.
fn make_directories(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        make_directories(parent)?;
    }
    match DirBuilder::new().mode(0o755).create(directory) {
        Ok(()) => {
            let mode = std::fs::metadata(directory)?.permissions().mode();
            std::fs::set_permissions(directory, Permissions::from_mode(mode | 0o700))
        }
        // Another process made it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Gives the file its name unless something has it already.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems have no such rename; the name was free a moment ago.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => std::fs::rename(from, to),
        done => Ok(done?),
    }
}
