//! A disk that can be full: a small file system of its own where that can be had, else one that only says so.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use rustix::thread::UnshareFlags;

use super::child::Agent;

/// Room for a handful of bundles, each of which takes a page.
const SIZE: &std::ffi::CStr = c"size=128k,mode=0700";
const PAGE: [u8; 4096] = [b'.'; 4096];

/// Where the certificate directory is.
#[derive(Debug)]
pub(super) enum Disk {
    /// A tmpfs of its own, and the file that fills it up.
    Small { mounted: PathBuf, ballast: PathBuf },
    /// The disk that is there; the agent is told that it is full.
    Told { directory: PathBuf },
}

/// Gives this process, which has one thread still, mounts of its own: they end with it, and nobody else sees them.
pub(crate) fn own_mounts() -> io::Result<()> {
    #[expect(deprecated, reason = "its successor is unsafe for shared descriptors; these stay shared")]
    rustix::thread::unshare(UnshareFlags::NEWNS)?;
    Ok(mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?)
}

impl Disk {
    /// A small file system if mounts are our own.
    pub(super) fn new(scratch: &Path, own_mounts: bool) -> io::Result<Self> {
        if !own_mounts {
            return Ok(Self::Told { directory: scratch.join("pki") });
        }
        let mounted = scratch.join("disk");
        std::fs::create_dir(&mounted)?;
        mount("tmpfs", &mounted, "tmpfs", MountFlags::NODEV | MountFlags::NOSUID, SIZE)?;
        Ok(Self::Small { ballast: mounted.join("ballast"), mounted })
    }

    pub(super) fn cert_dir(&self) -> PathBuf {
        match self {
            Self::Small { mounted, .. } => mounted.join("pki"),
            Self::Told { directory } => directory.clone(),
        }
    }

    pub(super) const fn is_real(&self) -> bool {
        matches!(self, Self::Small { .. })
    }

    /// Takes all the room that there is.
    pub(super) fn fill(&self, agent: &mut Agent) -> io::Result<()> {
        let Self::Small { ballast, .. } = self else { return agent.order(|orders| orders.full = true) };
        let mut file = File::create(ballast)?;
        loop {
            match file.write_all(&PAGE) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Gives it back.
    pub(super) fn free(&self, agent: &mut Agent) -> io::Result<()> {
        match self {
            Self::Small { ballast, .. } => std::fs::remove_file(ballast),
            Self::Told { .. } => agent.order(|orders| orders.full = false),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Self::Small { mounted, .. } = self {
            // If that fails, it ends with this process.
            let _ = unmount(&*mounted, UnmountFlags::DETACH);
        }
    }
}
