//! A node under strace: its calls, and the same run again with a kill or an error at one of them.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::disk::Manner;
use crate::wire;
use crate::world::Session;

/// Every call that a store could make on files, and the calls of the dynamic loader and of the
/// pipe.
const TRACED: &str = "open,openat,openat2,creat,close,read,pread64,readv,write,pwrite64,writev,fsync,fdatasync,\
sync,syncfs,ftruncate,truncate,fallocate,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,\
mkdir,mkdirat,rmdir,chmod,fchmod,fchmodat,chown,fchown,fchownat,flock,fcntl,getdents64,readlink,readlinkat,\
stat,lstat,fstat,newfstatat,statx,access,faccessat,faccessat2,lseek,mmap";

/// One system call of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SysCall {
    /// Its name.
    pub name: String,
    /// The position among the calls of this name in the process, counted from 1.
    pub nth: u32,
    /// The text between the parentheses. Descriptors have their path in angle brackets.
    pub arguments: String,
    /// The text behind the equals sign; empty if the process was killed during the call.
    pub result: String,
}

impl SysCall {
    /// Returns whether the call succeeded.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        !self.result.is_empty() && !self.result.starts_with('-') && !self.result.starts_with('?')
    }

    /// Returns whether the call is about this directory or a file in it.
    #[must_use]
    pub fn touches(&self, directory: &str) -> bool {
        ["<", "\""].iter().any(|quote| {
            [&self.arguments, &self.result].iter().any(|text| {
                text.match_indices(&format!("{quote}{directory}")).any(|(at, found)| {
                    matches!(text[at + found.len()..].chars().next(), Some('/' | '>' | '"'))
                })
            })
        })
    }

    /// The path of the first argument, if that is a descriptor.
    #[must_use]
    pub fn descriptor(&self) -> Option<&str> {
        let first = self.arguments.split(", ").next()?;
        first.split_once('<')?.1.strip_suffix('>')
    }

    /// The strings among the arguments.
    pub fn strings(&self) -> impl Iterator<Item = &str> {
        self.arguments.split('"').skip(1).step_by(2)
    }

    /// Returns whether the call changes the content of a directory or a file.
    #[must_use]
    pub fn changes(&self) -> bool {
        match self.name.as_str() {
            "openat" | "open" => self.arguments.contains("O_CREAT") || self.arguments.contains("O_TRUNC"),
            "creat" | "write" | "pwrite64" | "writev" | "ftruncate" | "truncate" | "fallocate" | "rename"
            | "renameat" | "renameat2" | "link" | "linkat" | "symlink" | "symlinkat" | "unlink"
            | "unlinkat" | "mkdir" | "mkdirat" | "rmdir" | "chmod" | "fchmod" | "fchmodat" | "chown"
            | "fchown" | "fchownat" => true,
            _ => false,
        }
    }

    /// Returns whether the call makes changes durable.
    #[must_use]
    pub fn syncs(&self) -> bool {
        matches!(self.name.as_str(), "fsync" | "fdatasync" | "sync" | "syncfs")
    }
}

impl fmt::Display for SysCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} #{} ({})", self.name, self.nth, self.arguments)
    }
}

/// Parses the output of strace for a process with one thread.
#[must_use]
pub fn parse(text: &str) -> Vec<SysCall> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    let mut calls = Vec::new();
    for line in text.lines() {
        let Some((name, rest)) = line.split_once('(') else { continue };
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let nth = counts.entry(name).or_default();
        *nth += 1;
        let (arguments, result) = match rest.rsplit_once(" = ") {
            Some((arguments, result)) => (arguments.trim_end().trim_end_matches(')'), result.trim()),
            None => (rest, ""),
        };
        calls.push(SysCall {
            name: name.to_owned(),
            nth: *nth,
            arguments: arguments.to_owned(),
            result: result.to_owned(),
        });
    }
    calls
}

/// An injected fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inject {
    /// Nothing.
    Nothing,
    /// The process is killed before the n-th call of this name takes effect.
    Kill(String, u32),
    /// Calls of these names fail with this error (`EIO` and the like), this many of each name from
    /// the n-th on.
    Error(&'static str, Vec<(String, u32)>, u32),
    /// The n-th call of this name has no effect and returns this number.
    Returns(String, u32, u32),
}

impl Inject {
    fn options(&self) -> Vec<String> {
        match self {
            Self::Nothing => Vec::new(),
            Self::Kill(call, nth) => vec![format!("inject={call}:signal=KILL:when={nth}")],
            Self::Error(error, calls, count) => {
                let option = |(call, first): &(String, u32)| {
                    format!("inject={call}:error={error}:when={first}..{}", first + count - 1)
                };
                calls.iter().map(option).collect()
            }
            Self::Returns(call, nth, value) => vec![format!("inject={call}:retval={value}:when={nth}")],
        }
    }
}

impl fmt::Display for Inject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.options().join(" "))
    }
}

/// The outcome of a process.
#[derive(Clone, Debug)]
pub struct Traced {
    /// Its calls.
    pub calls: Vec<SysCall>,
    /// How its node ended; `None` after a kill.
    pub ended: Option<String>,
    /// Whether SIGKILL ended the process.
    pub killed: bool,
    /// Its standard error.
    pub stderr: String,
}

impl Traced {
    /// Returns the calls that change a directory or make it durable, a line each, to explain a
    /// failure.
    #[must_use]
    pub fn changes(&self, directory: &Path) -> String {
        let directory = directory.display().to_string();
        let mut lines = Vec::new();
        for call in
            self.calls.iter().filter(|call| call.touches(&directory) && (call.changes() || call.syncs()))
        {
            lines.push(format!("    {call} = {}", call.result).replace(&format!("{directory}/"), ""));
        }
        lines.join("\n")
    }
}

/// Starts nodes: this program again, under strace.
#[derive(Clone, Debug)]
pub struct Runner {
    program: PathBuf,
    log: PathBuf,
}

impl Runner {
    /// Makes a runner that writes traces to a file in `scratch`.
    ///
    /// # Errors
    ///
    /// strace is missing, or the path of this program is unknown.
    pub fn here(scratch: &Path) -> io::Result<Self> {
        Self::new(scratch, std::env::current_exe()?)
    }

    /// Makes a runner for another program with the command `node`.
    ///
    /// # Errors
    ///
    /// strace is missing.
    pub fn new(scratch: &Path, program: PathBuf) -> io::Result<Self> {
        let there = Command::new("strace").arg("--version").stdout(Stdio::null()).status();
        if !there.is_ok_and(|status| status.success()) {
            return Err(io::Error::other("strace is missing; install it (apt-get install strace)"));
        }
        Ok(Self { program, log: scratch.join("strace.log") })
    }

    /// Starts a node on the directory, in this world, and waits until the process ends.
    ///
    /// # Errors
    ///
    /// The process does not start, or writes a line that is not in the protocol.
    pub fn run(
        &self,
        directory: &Path,
        manner: Manner,
        session: &mut Session,
        inject: &Inject,
    ) -> io::Result<Traced> {
        let mut command = Command::new("strace");
        command.args(["-y", "-s", "48", "-e", &format!("trace={TRACED}"), "-o"]).arg(&self.log);
        for option in inject.options() {
            command.args(["-e", &option]);
        }
        command.arg(&self.program).args(["node", "--manner", manner.name(), "--start"]);
        command.arg(session.now.unix_ms().to_string()).arg("--directory").arg(directory);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_clear().envs(std::env::vars_os().filter(|(name, _)| name == &OsString::from("PATH")));
        let mut child = command.spawn()?;
        let (Some(to), Some(from)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("a pipe is missing"));
        };
        let served = wire::serve(session, BufReader::new(from), to);
        let output = child.wait_with_output()?;
        let text = fs::read_to_string(&self.log)?;
        Ok(Traced {
            calls: parse(&text),
            ended: served?,
            killed: text.contains("+++ killed by SIGKILL"),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }
}
