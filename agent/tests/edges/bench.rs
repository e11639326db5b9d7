//! A node's files beside a control plane, with a gate between them, and the real program in namespaces of its own.
//!
//! The program runs in a user and mount namespace. There `hung` is a file system that never answers, and in the cells of name
//! lookup `/etc` is a directory of the bench. It runs without capabilities, so a permission counts also if the tests run as root.

use std::fmt::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use certrotate::kubeconfig::{self, Kubeconfig};
use certrotate_controlplane::{ControlPlane, Handle, Options};

use crate::agent::Agent;
use crate::cell::State;
use crate::gate::{Gate, Mode};
use crate::identity::put;

const HOUR: Duration = Duration::from_secs(3600);
/// The name of the API server in the cells of name lookup.
pub(crate) const NAME: &str = "api.cluster.test";

/// How the program of a cell is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launch {
    /// Shell commands in the namespaces, before the program replaces the shell.
    pub(crate) prelude: &'static str,
    /// Commands in front of the program.
    pub(crate) wrapper: &'static str,
    /// Arguments after the usual ones.
    pub(crate) args: &'static [&'static str],
    /// A redirection of the program, as the shell writes it.
    pub(crate) redirect: &'static str,
    /// The certificate directory.
    pub(crate) cert_dir: &'static str,
    /// The node's own kubeconfig.
    pub(crate) kubeconfig: &'static str,
}

impl Launch {
    pub(crate) const USUAL: Self =
        Self { prelude: "", wrapper: "", args: &[], redirect: "", cert_dir: "pki", kubeconfig: "own" };
}

pub(crate) struct Bench {
    pub(crate) plane: Handle,
    pub(crate) gate: Gate,
    pub(crate) dir: tempfile::TempDir,
    /// The server in the kubeconfigs.
    server: String,
}

impl Bench {
    /// Makes the files of a node: with a live certificate in [`State::Live`].
    pub(crate) async fn new(state: State, by_name: bool) -> Self {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let options = Options { dir: Some(dir.path().join("plane")), ..Options::default() };
        let plane = ControlPlane::start(options).await.expect("the control plane starts");
        let mode = if state == State::Waiting { Mode::Refused } else { Mode::Open };
        let gate = Gate::new(plane.address(), plane.ca_pem(), mode);
        let host = if by_name { NAME.to_owned() } else { gate.address.ip().to_string() };
        let server = format!("https://{host}:{}", gate.address.port());
        if state == State::Pending {
            plane.faults().pause_approving(true);
        }
        let bench = Self { plane, gate, dir, server };
        for name in ["hung", "etc"] {
            std::fs::create_dir(bench.path(name)).expect("the scratch is writable");
        }
        bench.write("etc/nsswitch.conf", "hosts: files\n");
        bench.restore();
        std::fs::DirBuilder::new().mode(0o700).create(bench.path("pki")).expect("the scratch is writable");
        if state.has_certificate() {
            let now = SystemTime::now();
            put(&bench.path("pki"), &bench.plane, (now - HOUR, now + 9 * HOUR, now - HOUR));
            bench.write_own();
        }
        bench
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Replaces a file by rename, whatever was there.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let new = self.path("new");
        std::fs::write(&new, text).expect("the scratch is writable");
        self.put_in_place(&new, name);
    }

    /// Writes the node's own kubeconfig as the agent does.
    pub(crate) fn write_own(&self) {
        self.remove("own");
        let source = Kubeconfig::read(&self.path("boot")).expect("it is good");
        let link = self.path("pki/kubelet-client-current.pem");
        kubeconfig::ensure(&self.path("own"), &link, &source).expect("the scratch is writable");
    }

    /// Makes all files good, and the gate open.
    pub(crate) fn restore(&self) {
        self.write("server-ca.crt", format!("{}{}", self.plane.ca_pem(), self.gate.ca));
        self.write("client-ca.crt", self.plane.ca_pem());
        self.write("token", self.plane.bootstrap_token());
        self.write("boot", self.boot());
        self.write("etc/hosts", format!("{} {NAME}\n", self.gate.address.ip()));
    }

    /// The good bootstrap kubeconfig: with a CA file, and a token file.
    pub(crate) fn boot(&self) -> String {
        let mut text = String::new();
        for line in self.plane.bootstrap_kubeconfig().lines() {
            let indent = &line[..line.len() - line.trim_start().len()];
            let line = match line.trim_start() {
                rest if rest.starts_with("certificate-authority-data:") => {
                    format!(
                        "{indent}certificate-authority: server-ca.crt\n{indent}tls-server-name: localhost"
                    )
                }
                rest if rest.starts_with("token:") => format!("{indent}tokenFile: token"),
                rest if rest.starts_with("server:") => format!("{indent}server: {}", self.server),
                _ => line.to_owned(),
            };
            writeln!(text, "{line}").expect("a string takes everything");
        }
        text
    }

    // Faults of files.

    pub(crate) fn remove(&self, name: &str) {
        let path = self.path(name);
        let removed = if path.is_dir() && !path.is_symlink() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        if let Err(error) = removed {
            assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{}: {error}", path.display());
        }
    }

    fn put_in_place(&self, new: &Path, name: &str) {
        if self.path(name).is_dir() {
            self.remove(name);
        }
        std::fs::rename(new, self.path(name)).expect("the scratch is writable");
    }

    /// Replaces a file by a link.
    pub(crate) fn link(&self, name: &str, target: &str) {
        let new = self.path("new");
        symlink(target, &new).expect("the scratch is writable");
        self.put_in_place(&new, name);
    }

    /// Replaces a file by a link to the file system that never answers.
    ///
    /// To its root: two processes that search the same name in it wait for each other in the kernel, and cannot be killed.
    pub(crate) fn hang(&self, name: &str) {
        self.link(name, &self.path("hung").display().to_string());
    }

    pub(crate) fn fifo(&self, name: &str) {
        let new = self.path("new");
        rustix::fs::mkfifoat(rustix::fs::CWD, &new, rustix::fs::Mode::RWXU).expect("a FIFO");
        self.put_in_place(&new, name);
    }

    pub(crate) fn directory(&self, name: &str) {
        self.remove(name);
        std::fs::create_dir(self.path(name)).expect("the scratch is writable");
    }

    pub(crate) fn mode(&self, name: &str, mode: u32) {
        let permissions = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(self.path(name), permissions).expect("it is ours");
    }

    /// Replaces a file by a sparse one of two gigabytes.
    pub(crate) fn flood(&self, name: &str) {
        let new = self.path("new");
        let file = std::fs::File::create(&new).expect("the scratch is writable");
        file.set_len(2 << 30).expect("it may be sparse");
        self.put_in_place(&new, name);
    }

    /// Cuts a file to its first half.
    pub(crate) fn halve(&self, name: &str) {
        let bytes = std::fs::read(self.path(name)).expect("it is there");
        self.write(name, &bytes[..bytes.len() / 2]);
    }

    pub(crate) fn garbage(&self, name: &str) {
        // The same in every run, because messages say what is wrong with it.
        let bytes: Vec<u8> =
            (0..4096_u32).map(|place| (place.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        self.write(name, bytes);
    }

    // The program.

    /// The live bundle of [`State::has_certificate`].
    pub(crate) fn bundle(&self) -> String {
        let link = std::fs::read_link(self.path("pki/kubelet-client-current.pem")).expect("it is a link");
        format!("pki/{}", link.display())
    }

    /// Runs a command in the namespaces of a process.
    pub(crate) fn inside(&self, agent: &Agent, args: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--preserve-credentials", "-U", "-m", "-t", &agent.child.id().to_string()]);
        // Not with --wd: that directory would be of the mounts outside.
        command.args(["sh", "-c", "cd \"$0\" && exec \"$@\""]).arg(self.dir.path()).args(args);
        command
    }

    /// The command `certrotate run` with the files of this bench, in its directory.
    pub(crate) fn command(&self, launch: Launch, by_name: bool) -> Command {
        let etc = if by_name { "mount --bind etc /etc &&" } else { "" };
        let Launch { prelude, wrapper, args, redirect, cert_dir, kubeconfig } = launch;
        let script = format!(
            "exec 3<>/dev/fuse &&
             mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 hung hung && {etc} {prelude}
             exec {wrapper} setpriv --bounding-set=-all \"$0\" \"$@\" {redirect}"
        );
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", &script, env!("CARGO_BIN_EXE_certrotate"), "run"]);
        command.args(["--node-name", "node-1", "--cert-dir", cert_dir, "--bootstrap-kubeconfig", "boot"]);
        command.args(["--kubeconfig", kubeconfig, "--client-ca-file", "client-ca.crt"]).args(args);
        command.current_dir(self.dir.path()).env("NO_COLOR", "1");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }
}
