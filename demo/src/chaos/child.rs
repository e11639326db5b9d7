//! The agent as a child process: `certrotate-demo agent`, which is `certrotate run` under fault injection.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::injection::InjectedFaults;

/// The flags of the child process.
#[derive(Clone, Debug)]
pub(crate) struct Flags {
    pub(crate) cert_dir: PathBuf,
    pub(crate) bootstrap_kubeconfig: PathBuf,
    pub(crate) kubeconfig: PathBuf,
    pub(crate) client_ca_file: PathBuf,
    pub(crate) node_name: &'static str,
    /// The file of its log.
    pub(crate) log: PathBuf,
}

/// The child process, and the faults injected into it.
#[derive(Debug)]
pub(crate) struct Agent {
    flags: Flags,
    child: Child,
    faults: InjectedFaults,
    /// The number of kills.
    pub(crate) kills: u32,
}

impl Agent {
    pub(crate) fn start(flags: Flags) -> io::Result<Self> {
        let faults = InjectedFaults::default();
        let child = spawn(&flags, faults)?;
        Ok(Self { flags, child, faults, kills: 0 })
    }

    /// Changes the injected faults. They stay in force over restarts.
    pub(crate) fn inject(&mut self, change: impl FnOnce(&mut InjectedFaults)) -> io::Result<()> {
        change(&mut self.faults);
        send_faults(&mut self.child, self.faults)
    }

    /// Sends SIGKILL and waits for the end of the process.
    pub(crate) fn kill(&mut self) -> io::Result<()> {
        self.check_running()?;
        self.child.kill()?;
        self.child.wait()?;
        self.kills += 1;
        Ok(())
    }

    pub(crate) fn start_again(&mut self) -> io::Result<()> {
        self.child = spawn(&self.flags, self.faults)?;
        Ok(())
    }

    /// Sends SIGUSR1: rotate now.
    pub(crate) fn rotate(&mut self) -> io::Result<()> {
        self.check_running()?;
        Ok(kill_process(Pid::from_child(&self.child), Signal::USR1)?)
    }

    /// Fails if the process ended by itself.
    pub(crate) fn check_running(&mut self) -> io::Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(io::Error::other(format!(
                "the agent ended by itself: {status}; its log is {}",
                self.flags.log.display()
            ))),
        }
    }

    /// Sends SIGTERM and returns the exit status.
    pub(crate) fn end(mut self) -> io::Result<Option<i32>> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        Ok(self.child.wait()?.code())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // After `end` the process is gone and both calls fail.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(flags: &Flags, faults: InjectedFaults) -> io::Result<Child> {
    let log = OpenOptions::new().create(true).append(true).open(&flags.log)?;
    let flag = |command: &mut Command, name: &str, value: &Path| {
        command.arg(name).arg(value);
    };
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["agent", "--node-name", flags.node_name]);
    flag(&mut command, "--cert-dir", &flags.cert_dir);
    flag(&mut command, "--bootstrap-kubeconfig", &flags.bootstrap_kubeconfig);
    flag(&mut command, "--kubeconfig", &flags.kubeconfig);
    flag(&mut command, "--client-ca-file", &flags.client_ca_file);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log).spawn()?;
    send_faults(&mut child, faults)?;
    Ok(child)
}

fn send_faults(child: &mut Child, faults: InjectedFaults) -> io::Result<()> {
    let stdin = child.stdin.as_mut().ok_or_else(|| io::Error::other("the agent has no standard input"))?;
    writeln!(stdin, "{faults}")?;
    stdin.flush()
}
