//! A file system in an image file, and power cuts on it. Needs root and loop devices.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A kind of file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The usual one of Linux, with its default of ordered data.
    Ext4,
    /// XFS.
    Xfs,
    /// Btrfs, which has no shutdown in most kernels: the image is copied while it is mounted.
    Btrfs,
}

/// How the power is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Unsynced data is lost.
    Lost,
    /// The kernel had just written everything back by itself, as it does every few seconds.
    WrittenBack,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Ext4, Self::Xfs, Self::Btrfs];

    /// The name, for mount and for the kernel.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Btrfs => "btrfs",
        }
    }

    /// Returns the kind with this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns whether this kernel supports the kind.
    #[must_use]
    pub fn is_in_kernel(self) -> bool {
        let known = fs::read_to_string("/proc/filesystems").unwrap_or_default();
        known.lines().any(|line| line.split_whitespace().last() == Some(self.name()))
    }

    /// The size of an image, in bytes: the smallest that the tools accept, rounded up.
    const fn size(self) -> u64 {
        match self {
            Self::Ext4 => 32 << 20,
            Self::Xfs => 320 << 20,
            Self::Btrfs => 128 << 20,
        }
    }
}

impl Cut {
    /// Both cuts.
    pub const ALL: [Self; 2] = [Self::Lost, Self::WrittenBack];

    /// The name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lost => "unsynced data is lost",
            Self::WrittenBack => "everything was just written back",
        }
    }
}

/// A mounted file system. Drop unmounts it.
#[derive(Debug)]
pub struct Volume {
    kind: Kind,
    image: PathBuf,
    mount: PathBuf,
}

impl Volume {
    /// Makes a file system in `scratch` and mounts it there.
    ///
    /// # Errors
    ///
    /// A tool is missing or failed.
    pub fn new(kind: Kind, scratch: &Path) -> io::Result<Self> {
        let image = scratch.join(format!("{}.image", kind.name()));
        let mount = scratch.join(kind.name());
        File::create(&image)?.set_len(kind.size())?;
        fs::create_dir(&mount)?;
        let options: &[&str] = match kind {
            Kind::Ext4 => &["-q", "-F"],
            Kind::Xfs | Kind::Btrfs => &["-q", "-f"],
        };
        run(Command::new(format!("mkfs.{}", kind.name())).args(options).arg(&image))?;
        let volume = Self { kind, image, mount };
        volume.mount()?;
        Ok(volume)
    }

    /// The mount point.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.mount
    }

    /// Cuts the power and switches it on again. No file on the volume may be open.
    ///
    /// # Errors
    ///
    /// A tool is missing or failed.
    pub fn cut(&self, cut: Cut) -> io::Result<()> {
        if cut == Cut::WrittenBack {
            self.sync()?;
        }
        match self.kind {
            Kind::Ext4 | Kind::Xfs => {
                self.shut_down()?;
                self.unmount()?;
            }
            Kind::Btrfs => {
                let copy = self.image.with_extension("copy");
                run(Command::new("cp").arg("--sparse=auto").args([&self.image, &copy]))?;
                self.unmount()?;
                fs::rename(&copy, &self.image)?;
            }
        }
        self.mount()
    }

    /// Removes everything, durably.
    ///
    /// # Errors
    ///
    /// A file system operation failed.
    pub fn clear(&self, name: &str) -> io::Result<()> {
        let path = self.mount.join(name);
        if path.exists() {
            fs::remove_dir_all(path)?;
        }
        self.sync()
    }

    fn sync(&self) -> io::Result<()> {
        Ok(rustix::fs::syncfs(File::open(&self.mount)?)?)
    }

    /// Runs `EXT4_IOC_SHUTDOWN` (XFS has the same number) without a flush of the log: nothing
    /// reaches the device any longer. It uses python3, because an ioctl is `unsafe` in Rust.
    fn shut_down(&self) -> io::Result<()> {
        const SHUT_DOWN: &str = "\
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";
        run(Command::new("python3").args(["-S", "-E", "-c", SHUT_DOWN]).arg(&self.mount))
    }

    fn mount(&self) -> io::Result<()> {
        let kind = self.kind.name();
        run(Command::new("mount").args(["-t", kind, "-o", "loop"]).args([&self.image, &self.mount]))
    }

    fn unmount(&self) -> io::Result<()> {
        run(Command::new("umount").arg(&self.mount))
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        // Drop cannot report an error; the image is removed with its directory.
        let _ = Command::new("umount").arg("-l").arg(&self.mount).stderr(Stdio::null()).status();
    }
}

fn run(command: &mut Command) -> io::Result<()> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| {
        io::Error::other(format!("{} cannot be started: {error}", command.get_program().to_string_lossy()))
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(io::Error::other(format!("{command:?}: {}: {said}", output.status)))
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
