//! Starting, holding and ending a control plane.

use std::fmt;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tracing::{info, warn};
use zeroize::Zeroizing;

use crate::apiserver::access::authenticator::Authenticator;
use crate::apiserver::access::token::{TokenUse, new_token};
use crate::apiserver::controller_port::Embedded;
use crate::apiserver::http::context::Context;
use crate::apiserver::http::{connection, tls};
use crate::apiserver::object::Object;
use crate::apiserver::store::journal::Journal;
use crate::apiserver::store::objects::Store;
use crate::base::error::Error;
use crate::base::time::{seconds_down, seconds_up};
use crate::dir::{Dir, Secrets};
use crate::faults::handle::Faults;
use crate::kubeconfig;
use crate::options::Options;
use crate::signing::controllers::options::{SigningFiles, own_signers};
use crate::signing::controllers::reconcile::Controllers;
use crate::signing::pki::authority;
use crate::signing::pki::authority::{Authority, ClientIdentity};
use crate::signing::pki::source::{CaFiles, Source};
use crate::signing::signer;
use crate::signing::signer::Policy;
use crate::statistics::requests::Recorder;
use crate::statistics::stats::Stats;

/// The embedded control plane; see the crate's front page.
#[derive(Debug)]
pub struct ControlPlane(());

/// A running control plane. Dropping it ends everything at once; [`Handle::shutdown`] lets requests finish.
pub struct Handle {
    address: SocketAddr,
    authority: Arc<Authority>,
    /// The authority of signers without files.
    signing: Source,
    options: Options,
    admin_kubeconfig: Zeroizing<String>,
    bootstrap_kubeconfig: Zeroizing<String>,
    bootstrap_token: Zeroizing<String>,
    context: Arc<Context>,
    stop: watch::Sender<bool>,
    server: Option<JoinHandle<()>>,
    controllers: JoinHandle<()>,
    // Keeps the lock as long as anything could still write.
    dir: Option<Dir>,
}

impl ControlPlane {
    /// Starts a control plane on the caller's tokio runtime (a current-thread one will do) and answers
    /// when it listens and its files are written.
    ///
    /// In a directory it writes `ca.crt`, `admin.kubeconfig` and `bootstrap.kubeconfig`, mode 0600, and keeps
    /// CA, admin certificate, bootstrap token, port and objects for the next start. A token that has expired is
    /// replaced at the start; the CA never is.
    ///
    /// # Errors
    ///
    /// [`Error`]: an option that cannot work, a directory that is in use, not writable or holds
    /// unusable state, a port that is taken, or failing key generation.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    pub async fn start(options: Options) -> Result<Handle, Error> {
        options.validate()?;
        let dir = options.dir.as_deref().map(Dir::open).transpose()?;
        let secrets = match &dir {
            Some(dir) => dir.secrets(&options)?,
            None => Secrets::new(&options)?,
        };
        let (listener, address) = bind(options.listen, options.port, secrets.port).await?;
        let store = Arc::new(open_store(dir.as_ref(), "objects.jsonl")?);
        let leases = Arc::new(open_store(dir.as_ref(), "leases.jsonl")?);
        let server = format!("https://{address}");
        let ca_pem = secrets.authority.pem();
        let admin = kubeconfig::with_identity(&server, ca_pem, &secrets.admin);
        let bootstrap = kubeconfig::with_token(&server, ca_pem, &secrets.token);
        if let Some(dir) = &dir {
            dir.keep(&secrets, address.port())?;
            dir.write_cas(&secrets.authority)?;
            dir.write("admin.kubeconfig", admin.as_bytes())?;
            dir.write("bootstrap.kubeconfig", bootstrap.as_bytes())?;
        }
        let authenticator = Authenticator::new(secrets.authority.der())?;
        authenticator.add_token(&secrets.token, TokenUse::until(secrets.token_end));
        for token in &options.bootstrap_tokens {
            authenticator.add_token(&token.token, token.good_for(options.clock.now()));
        }
        let successors = dir.as_ref().map(Dir::successors).transpose()?.flatten();
        let tls = tls::config(&secrets.authority, options.listen)?;
        let authority = Arc::new(secrets.authority);
        let signing = Source::made(signing(&authority, successors, &authenticator)?);
        let (stop, stopped) = watch::channel(false);
        let context = Arc::new(Context {
            clock: options.clock.clone(),
            faults: Faults::new(Arc::<Store>::clone(&store)),
            store,
            leases,
            authenticator,
            recorder: Recorder::default(),
            stop: stopped,
        });
        options.faults.iter().for_each(|fault| {
            context.faults.set(fault);
        });
        let controllers = controllers(&options, &context, &signing)?;
        let server = tokio::spawn(connection::run(listener, tls, Arc::clone(&context)));
        info!(%address, "control plane is ready");
        Ok(Handle {
            address,
            authority,
            signing,
            options,
            admin_kubeconfig: admin,
            bootstrap_kubeconfig: bootstrap,
            bootstrap_token: secrets.token,
            context,
            stop,
            server: Some(server),
            controllers,
            dir,
        })
    }
}

/// Opens the store that the last run kept in this file; an empty one without a directory.
fn open_store<T: Object>(dir: Option<&Dir>, file: &str) -> Result<Store<T>, Error> {
    let Some(dir) = dir else {
        return Ok(Store::new(Vec::new(), 0, None));
    };
    let (journal, saved) = Journal::open(dir.path().join(file))?;
    Ok(Store::new(saved.objects, saved.version, Some(journal)))
}

/// Binds the requested port. For 0 it tries the port of the last run first, so that existing kubeconfigs still work.
async fn bind(listen: IpAddr, port: u16, last: u16) -> Result<(TcpListener, SocketAddr), Error> {
    let candidates = if port == 0 && last != 0 { vec![last, 0] } else { vec![port] };
    let mut failed = None;
    for port in candidates {
        let address = SocketAddr::from((listen, port));
        let bound = async {
            let listener = TcpListener::bind(address).await?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        match bound.await {
            Ok(bound) => return Ok(bound),
            Err(source) => failed = Some(Error::Bind { address, source }),
        }
    }
    Err(failed.unwrap_or(Error::Crypto("no address to bind".to_owned())))
}

/// The CA that signs: the newest that was kept, else the first one. All of them are trusted.
fn signing(
    first: &Arc<Authority>,
    successors: Option<(String, Zeroizing<String>)>,
    authenticator: &Authenticator,
) -> Result<Arc<Authority>, Error> {
    let Some((certificates, key)) = successors else { return Ok(Arc::clone(first)) };
    for der in authority::ders(&certificates)? {
        authenticator.trust(&der)?;
    }
    Authority::load(&certificates, key).map(Arc::new)
}

fn controllers(options: &Options, context: &Arc<Context>, made: &Source) -> Result<JoinHandle<()>, Error> {
    let trusting = Arc::clone(context);
    let trust = Arc::new(move |authority: &Authority| {
        if let Err(error) = trusting.authenticator.trust(authority.der()) {
            warn!(%error, "the API does not accept client certificates of this CA");
        }
    });
    let open = |files: &CaFiles| Source::files(files.clone(), Some(trust.clone()));
    let controllers = Controllers {
        signers: own_signers(&options.signing_files, made, open)?,
        approval: options.approve,
        policy: Policy {
            longest: options.cluster_signing_duration,
            backdate: options.backdate,
            long: signer::LONG,
        },
        ages: options.ages,
        refuse_taken_names: options.refuse_taken_names,
        clock: options.clock.clone(),
        faults: Some(context.faults.clone()),
        memory: Default::default(),
    };
    let port = Embedded::new(Arc::clone(&context.store), Arc::clone(&context.leases), options.clock.clone());
    Ok(tokio::spawn(async move {
        // No other controller acts on this store.
        let (_always, leading) = watch::channel(true);
        controllers.run(port, leading).await;
    }))
}

impl Handle {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The CA certificate, PEM: the authority of the server's, the clients' and the issued certificates.
    #[must_use]
    pub fn ca_pem(&self) -> &str {
        self.authority.pem()
    }

    /// The certificate of the CA that signs where no files are named, PEM: the first one, or the newest after a roll-over.
    #[must_use]
    pub fn signing_ca_pem(&self) -> String {
        self.signing.current().pem().to_owned()
    }

    /// Makes a new CA, which signs from now on. Certificates of the older ones stay valid; the server keeps its own.
    /// In a directory it is kept, and added to `ca.crt`.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] where the CA comes from files: replace those. Else the system gives no key, or the directory
    /// does not take it; the older CA signs on then.
    pub fn roll_over_ca(&self) -> Result<(), Error> {
        if self.options.signing_files != SigningFiles::default() {
            let why = "names the CA that signs: replace the files, and it signs from then on".to_owned();
            return Err(Error::Option { name: "--cluster-signing-cert-file", why });
        }
        let new = Authority::succeed(self.options.clock.now(), self.options.ca_lifetime)?;
        // It is let in before it is kept, and kept before it signs.
        self.context.authenticator.trust(new.der())?;
        if let Some(dir) = &self.dir {
            dir.succeed(&new)?;
            dir.write_cas(&self.authority)?;
        }
        self.signing.replace(Arc::new(new));
        Ok(())
    }

    /// The text of the admin's kubeconfig (`O=system:masters`, certificate and key embedded).
    #[must_use]
    pub fn admin_kubeconfig(&self) -> &str {
        &self.admin_kubeconfig
    }

    /// The text of the bootstrap kubeconfig (token embedded).
    #[must_use]
    pub fn bootstrap_kubeconfig(&self) -> &str {
        &self.bootstrap_kubeconfig
    }

    /// The bootstrap token that [`Self::bootstrap_kubeconfig`] holds.
    #[must_use]
    pub fn bootstrap_token(&self) -> &str {
        &self.bootstrap_token
    }

    /// The directory, if there is one.
    #[must_use]
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_ref().map(Dir::path)
    }

    /// The path of `admin.kubeconfig`, if there is a directory.
    #[must_use]
    pub fn admin_kubeconfig_path(&self) -> Option<PathBuf> {
        self.dir().map(|dir| dir.join("admin.kubeconfig"))
    }

    /// The path of `bootstrap.kubeconfig`, if there is a directory.
    #[must_use]
    pub fn bootstrap_kubeconfig_path(&self) -> Option<PathBuf> {
        self.dir().map(|dir| dir.join("bootstrap.kubeconfig"))
    }

    /// Makes another bootstrap token, valid for `lifetime` from now. It does not survive a restart.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`] if the system gives no random bytes.
    pub fn add_bootstrap_token(&self, lifetime: Duration) -> Result<String, Error> {
        let token = new_token()?;
        let good_for = TokenUse::until(self.context.clock.now() + lifetime);
        self.context.authenticator.add_token(&token, good_for);
        Ok(token)
    }

    /// Adds a bootstrap token of the caller's choice, `[a-z0-9]{6}.[a-z0-9]{16}`, in the place of one with the same id;
    /// it is not kept over a restart.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if the token or one of its groups has another form.
    pub fn put_bootstrap_token(&self, token: &str, good_for: TokenUse) -> Result<(), Error> {
        good_for.check()?;
        if self.context.authenticator.add_token(token, good_for) {
            return Ok(());
        }
        let why =
            "a bootstrap token is six characters, a dot and sixteen characters of a-z and 0-9".to_owned();
        Err(Error::Option { name: "--bootstrap-token", why })
    }

    /// Signs a client certificate for tests: any user and groups, valid from `start` to `end` (whole
    /// seconds, start rounded down and end up, cut to the CA's end).
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`] if key generation or signing fails.
    pub fn client_identity(
        &self,
        user: &str,
        groups: &[&str],
        start: SystemTime,
        end: SystemTime,
    ) -> Result<ClientIdentity, Error> {
        let groups: Vec<_> = groups.iter().map(|g| (*g).to_owned()).collect();
        self.authority.client_identity(user, &groups, (seconds_down(start), seconds_up(end)))
    }

    /// The injected faults.
    #[must_use]
    pub fn faults(&self) -> Faults {
        self.context.faults.clone()
    }

    /// The counts so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats { csrs: self.context.summaries(), ..self.context.counted() }
    }

    /// Marks each change of an object, so that a test can wait for one instead of polling.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.context.store.subscribe()
    }

    /// Stops accepting, ends watches, lets running requests finish (5 s at most), and releases the directory.
    pub fn shutdown(mut self) -> impl Future<Output = ()> + Send {
        self.stop.send_replace(true);
        let server = self.server.take();
        async move {
            if let Some(server) = server {
                // An error is a panic there, which has been reported already.
                let _ended = server.await;
            }
            drop(self);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.server.iter().chain([&self.controllers]).for_each(JoinHandle::abort);
        // Before the lock of the directory ends.
        self.context.store.close();
        self.context.leases.close();
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dir = self.dir();
        f.debug_struct("Handle").field("address", &self.address).field("dir", &dir).finish_non_exhaustive()
    }
}
