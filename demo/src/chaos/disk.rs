//! A disk that can be full: a small tmpfs where mounts are possible, else an injected fault.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use rustix::thread::UnshareFlags;

use super::child::Agent;

/// Room for a handful of bundles, each of which takes a page.
const SIZE: &std::ffi::CStr = c"size=128k,mode=0700";
const PAGE: [u8; 4096] = [b'.'; 4096];

/// The disk of the certificate directory.
#[derive(Debug)]
pub(crate) enum Disk {
    /// A tmpfs of its own, and the file that fills it up.
    Small { mounted: PathBuf, ballast: PathBuf },
    /// A directory on the disk of the system; fault injection makes it full.
    Injected { directory: PathBuf },
}

/// Gives this process a mount namespace of its own, which no other process sees and which ends with it.
///
/// The process must have a single thread.
pub(crate) fn own_mounts() -> io::Result<()> {
    #[expect(deprecated, reason = "its successor is unsafe for shared descriptors; these stay shared")]
    rustix::thread::unshare(UnshareFlags::NEWNS)?;
    Ok(mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?)
}

impl Disk {
    /// A small file system if mounts are our own.
    pub(crate) fn new(scratch: &Path, own_mounts: bool) -> io::Result<Self> {
        if !own_mounts {
            return Ok(Self::Injected { directory: scratch.join("pki") });
        }
        let mounted = scratch.join("disk");
        std::fs::create_dir(&mounted)?;
        mount("tmpfs", &mounted, "tmpfs", MountFlags::NODEV | MountFlags::NOSUID, SIZE)?;
        Ok(Self::Small { ballast: mounted.join("ballast"), mounted })
    }

    pub(crate) fn cert_dir(&self) -> PathBuf {
        match self {
            Self::Small { mounted, .. } => mounted.join("pki"),
            Self::Injected { directory } => directory.clone(),
        }
    }

    pub(crate) const fn is_real(&self) -> bool {
        matches!(self, Self::Small { .. })
    }

    /// Uses up all space.
    pub(crate) fn fill(&self, agent: &mut Agent) -> io::Result<()> {
        let Self::Small { ballast, .. } = self else { return agent.inject(|faults| faults.disk_full = true) };
        let mut file = File::create(ballast)?;
        loop {
            match file.write_all(&PAGE) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Frees the space again.
    pub(crate) fn free(&self, agent: &mut Agent) -> io::Result<()> {
        match self {
            Self::Small { ballast, .. } => std::fs::remove_file(ballast),
            Self::Injected { .. } => agent.inject(|faults| faults.disk_full = false),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Self::Small { mounted, .. } = self {
            // If that fails, the mount ends with this process.
            let _ = unmount(&*mounted, UnmountFlags::DETACH);
        }
    }
}
