//! The files that the agent reads, as their writers leave them.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use certrotate::node::NodeOptions;
use certrotate_x509::KeyType;

use crate::events::Event;
use crate::fault::{Damage, Input, Lasting, Sudden};
use crate::pki::{Authority, HOST};
use crate::plan::{NODE, Plan};
use crate::world::{State, World};

/// The time between the two steps of a CA rotation: first the files name both, then the new one is used.
const OVERLAP: u64 = 5 * 60 * 1000;

impl World {
    fn path(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    /// The certificate directory.
    pub(crate) fn cert_dir(&self) -> PathBuf {
        self.path("pki")
    }

    /// The node's own kubeconfig.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.path("kubelet.conf")
    }

    /// The options of the node.
    pub(crate) fn options(&self, plan: &Plan) -> NodeOptions {
        let mut options = NodeOptions::new(NODE, self.cert_dir());
        options.bootstrap_kubeconfig = Some(self.path("bootstrap.conf"));
        options.kubeconfig = Some(self.kubeconfig());
        options.client_ca_file = plan.client_ca.then(|| self.path("client-ca.crt"));
        options.key_type = KeyType::Ed25519;
        options
    }

    /// Writes the files as they are to be now: whole, or damaged by the faults in force.
    pub(crate) fn write_files(&self) {
        let state = self.lock();
        let server_ca: String = state.server_cas.iter().map(|ca| ca.pem.as_str()).collect();
        let client_ca: String = state.client_cas.iter().map(|ca| ca.pem.as_str()).collect();
        let expired = state.active().any(|fault| fault == Lasting::TokenExpired);
        let token = if expired { "abcdef.expiredexpired00".to_owned() } else { state.token.0.clone() };
        let bootstrap = kubeconfig(&state.plan, &server_ca, &token);
        let damage = |input: Input| {
            state.active().find_map(|fault| match fault {
                Lasting::Damaged(damaged, damage) if damaged == input => Some(damage),
                _ => None,
            })
        };
        self.write("bootstrap.conf", &bootstrap, damage(Input::Bootstrap));
        self.write("token", &format!("{token}\n"), damage(Input::Token));
        self.write("server-ca.crt", &server_ca, damage(Input::ServerCa));
        self.write("client-ca.crt", &client_ca, damage(Input::ClientCa));
        if !state.plan.ca_file {
            self.replace_embedded_ca(&server_ca);
        }
    }

    /// Puts a directory where the agent makes the temporary file of its kubeconfig, or removes it.
    pub(crate) fn block_kubeconfig(&self, begins: bool) {
        let temporary = self.path("kubelet.conf.certrotate-tmp");
        // Either may be so already: two such faults may overlap.
        let _ = if begins { std::fs::create_dir(temporary) } else { std::fs::remove_dir(temporary) };
    }

    /// The administrator replaces the CA in the node's own kubeconfig: the agent never does.
    fn replace_embedded_ca(&self, server_ca: &str) {
        if !self.kubeconfig().exists() {
            return;
        }
        let (ca, link) = (STANDARD.encode(server_ca), self.link().display().to_string());
        let user = format!("client-certificate: {link}\n    client-key: {link}");
        self.write("kubelet.conf", &config(&format!("certificate-authority-data: {ca}"), &user), None);
    }

    /// Writes one file: a whole one replaces the old one at once, a damaged one does not.
    fn write(&self, name: &str, content: &str, damage: Option<Damage>) {
        let path = self.path(name);
        let bytes = match damage {
            None => content.as_bytes(),
            Some(Damage::Missing) => {
                // It may be missing already.
                let _gone = std::fs::remove_file(&path);
                return;
            }
            // Not a half: a cut between two certificates leaves a good file with another meaning.
            Some(Damage::Cut) => &content.as_bytes()[..content.len() * 2 / 5],
            Some(Damage::Garbage) => &[0xff, 0xfe, 0x00, 0x80, b'x'],
            Some(Damage::Empty) => &[],
        };
        if std::fs::read(&path).is_ok_and(|old| old == bytes) {
            return;
        }
        let temporary = self.path("temporary");
        std::fs::write(&temporary, bytes).expect("the scratch directory is writable");
        std::fs::rename(&temporary, &path).expect("the scratch directory is writable");
    }

    pub(crate) fn rotate_server_ca(&self) {
        let mut state = self.lock();
        if state.server_cas.len() > 1 || state.healed {
            return;
        }
        state.counts.strike(Sudden::RotateServerCa);
        let ca = Authority::new(&mut state.rng, "server CA 2");
        state.server_cas.push(ca);
        drop(state);
        self.write_files();
        self.schedule(OVERLAP, Event::SwitchServerCa);
    }

    pub(crate) fn switch_server_ca(&self) {
        let mut state = self.lock();
        let http2 = state.plan.http2;
        let State { server_cas, rng, tls, .. } = &mut *state;
        if let Some(newest) = server_cas.last() {
            *tls = newest.server(rng, http2);
        }
        drop(state);
        // The agent may have written its kubeconfig meanwhile.
        self.write_files();
        self.note("the server uses its new CA");
        self.break_connections();
    }

    pub(crate) fn rotate_client_ca(&self) {
        let mut state = self.lock();
        if state.client_cas.len() > 1 {
            return;
        }
        state.counts.strike(Sudden::RotateClientCa);
        let ca = Authority::new(&mut state.rng, "client CA 2");
        // The signer uses the last one: the new one comes first in the file until then.
        state.client_cas.insert(0, ca);
        drop(state);
        self.write_files();
        self.schedule(OVERLAP, Event::SwitchClientCa);
    }

    pub(crate) fn switch_client_ca(&self) {
        self.lock().client_cas.rotate_left(1);
        self.note("the signer uses the new client CA");
    }
}

fn kubeconfig(plan: &Plan, server_ca: &str, token: &str) -> String {
    let ca = if plan.ca_file {
        "certificate-authority: server-ca.crt".to_owned()
    } else {
        format!("certificate-authority-data: {}", STANDARD.encode(server_ca))
    };
    let token = if plan.token_file { "tokenFile: token".to_owned() } else { format!("token: {token}") };
    config(&ca, &token)
}

fn config(ca: &str, user: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\n\
         contexts: [{{name: c, context: {{cluster: k, user: u}}}}]\n\
         clusters:\n- name: k\n  cluster:\n    server: https://{HOST}:6443\n    {ca}\n\
         users:\n- name: u\n  user:\n    {user}\n"
    )
}
