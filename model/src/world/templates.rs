//! The configured template of a node, and how it changes.

use std::sync::Arc;

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::disk::Name;
use certrotate_core::facts::{San, Usages};
use certrotate_core::id::CertHandle;
use certrotate_core::input::{Disposition, Input};
use certrotate_core::time::{Now, Span};

use crate::disk::Bundle;
use crate::spec::Wanted;
use crate::transition::Edit;
use crate::world::World;

/// The names that a node is ever given after its first.
const SUBJECTS: [&str; 3] = ["node-2", "node-3", "node-4"];

/// The combinations of alternative names and usages: none, one name, two, a usage more, a usage less.
const SCOPES: usize = 5;

/// The scope with one usage more than the first, which has no alternative names.
pub(crate) const MORE_USAGES: u8 = 3;
/// The scope with one usage less.
pub(crate) const FEWER_USAGES: u8 = 4;
/// The scope with one alternative name.
pub(crate) const ONE_NAME: u8 = 1;

/// How a certificate for one template fits another template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// It fits the other template.
    Wanted,
    /// It has other alternative names or usages.
    Outdated,
    /// It is for another subject.
    Foreign,
}

/// Every template that a world with this first one ever has: the scopes of each subject, one subject after the other.
pub(super) fn all(first: &Template) -> Vec<Template> {
    let others = SUBJECTS.map(|name| Template::kubelet_client(name).subject);
    let subjects = [first.subject.clone()].into_iter().chain(others);
    let scoped = |subject| {
        (0..SCOPES)
            .map(move |scope| scoped(&Template { subject: Clone::clone(&subject), ..first.clone() }, scope))
    };
    subjects.flat_map(scoped).collect()
}

fn scoped(template: &Template, scope: usize) -> Template {
    let mut template = template.clone();
    let names = [San::Dns("node.example".into()), San::Ip([192, 0, 2, 7].into())];
    match scope {
        1 | 2 => template.sans.extend(names.into_iter().take(scope)),
        3 => template.usages = template.usages.with(Usages::CONTENT_COMMITMENT),
        4 => template.usages = template.usages.without(Usages::DIGITAL_SIGNATURE),
        _ => {}
    }
    template
}

/// Whether two templates request the same, except the lifetime, in whatever order.
fn asks_alike(one: &Template, other: &Template) -> bool {
    let names = one.sans.iter().all(|san| other.sans.contains(san));
    let names = names && other.sans.iter().all(|san| one.sans.contains(san));
    names && (&one.subject, one.usages, &one.signer) == (&other.subject, other.usages, &other.signer)
}

impl World {
    /// Takes the current template from the configuration.
    pub(super) fn configured(&mut self) {
        let template = self.config.template().clone();
        let known = self.templates.iter().position(|it| asks_alike(it, &template));
        let index = known.unwrap_or_else(|| {
            Arc::make_mut(&mut self.templates).push(template);
            self.templates.len() - 1
        });
        let before = std::mem::replace(&mut self.current, index as u8);
        if before != self.current {
            self.outlive_requests();
            // No duty remains for an identity for another subject, even if the template changes
            // back.
            let foreign = |cert| self.fit(cert) == Some(Fit::Foreign);
            let ghost = self.ghost.disowned(foreign);
            self.ghost = ghost;
        }
        let ConfigSpec { template, chain_required, .. } = self.config.spec();
        let Template { subject, sans, usages, .. } = template.clone();
        self.wanted = Arc::new(Wanted { subject, sans, usages, chain: *chain_required });
    }

    /// A driver outside this world was given another configuration.
    pub(crate) fn expect_for(&mut self, config: Config) {
        self.config = config;
        self.configured();
    }

    /// Stops counting the open requests: the node may not delete one for another template (S8).
    fn outlive_requests(&mut self) {
        for object in &mut self.server.objects {
            object.given_up |= object.is_open();
        }
    }

    /// A node took a configuration, and has not been seen to do anything about it.
    pub(super) fn reconfigured(&mut self, now: Now) {
        let Some(node) = &self.node else { return };
        let before = std::mem::replace(&mut self.config, node.config().clone());
        self.configured();
        let (before, template) = (before.template(), self.config.template());
        if asks_alike(before, template) && before.duration == template.duration {
            return;
        }
        self.spec.edited(before.subject != template.subject);
        let (lifetime, wish) = (self.lifetime(), before.duration != template.duration);
        self.outlive_requests();
        self.ghost.monitor.asks_anew(now.mono, wish);
        let pending = self.disk.names().filter(|name| matches!(name, Name::Pending { .. }));
        self.ghost.row_ends =
            self.ghost.row_ends.max(pending.filter_map(|name| name.generation()).max().unwrap_or_default());
        self.ghost.changed(self.now, lifetime);
    }

    /// How a certificate fits the current template; `None` for one that differs from its request.
    pub(crate) fn fit(&self, cert: CertHandle) -> Option<Fit> {
        let symbolic = u32::try_from(cert.0).ok().and_then(|number| self.server.cert(number))?;
        symbolic.flaw.is_none().then(|| self.fit_of(symbolic.template))
    }

    fn fit_of(&self, template: u8) -> Fit {
        if template == self.current {
            return Fit::Wanted;
        }
        let [one, other] = [template, self.current].map(|index| &self.templates[usize::from(index)]);
        match (one.subject == other.subject, one.sans == other.sans && one.usages == other.usages) {
            (false, _) => Fit::Foreign,
            (true, false) => Fit::Outdated,
            (true, true) => Fit::Wanted,
        }
    }

    /// Whether a certificate fits the current template.
    pub(crate) fn is_wanted(&self, cert: CertHandle) -> bool {
        self.fit(cert) == Some(Fit::Wanted)
    }

    /// Whether a certificate may be served now: it fits the current template, or is for an old template.
    pub(crate) fn is_servable(&self, cert: CertHandle) -> bool {
        matches!(self.fit(cert), Some(Fit::Wanted | Fit::Outdated))
    }

    /// Whether the served identity fits the current template.
    #[must_use]
    pub fn serves_what_is_wanted(&self) -> bool {
        self.served.is_some_and(|(_, cert)| self.is_wanted(cert))
    }

    /// Whether a bundle is acceptable, except the time, to the configuration that requested it.
    pub(crate) fn is_acceptable(&self, bundle: &Bundle) -> bool {
        let known = self.server.cert(bundle.cert);
        known.is_some_and(|cert| cert.flaw.is_none() && cert.key == self.true_key(bundle.key))
    }

    /// The process is started with the next name for the node.
    pub(super) fn renamed(&mut self) -> bool {
        let Some(config) = self.edit(Edit::Subject) else { return false };
        self.kill();
        self.ghost.load.forget_requests();
        self.config = config;
        self.start();
        true
    }

    /// The node that runs is given another configuration.
    pub(super) fn edited(&mut self, edit: Edit) -> bool {
        let Some(config) = self.edit(edit) else { return false };
        let step = self.give(Input::Reconfigure(config.clone()));
        if step.is_some_and(|step| step.disposition != Disposition::Applied) {
            return false;
        }
        if self.node.is_some() && self.violation.is_none() {
            let again = self.give(Input::Reconfigure(config));
            let ignored =
                again.is_none_or(|step| step.disposition != Disposition::Applied && step.actions.is_empty());
            self.hold("M1", "a configuration given twice changes nothing the second time", ignored);
        }
        true
    }

    /// The configuration with a change, if it makes any.
    fn edit(&self, edit: Edit) -> Option<Config> {
        let mut spec = self.config.spec().clone();
        let (subject, scope) = (usize::from(self.current) / SCOPES, usize::from(self.current) % SCOPES);
        let (subject, scope) = match edit {
            Edit::Subject => ((subject + 1) % (SUBJECTS.len() + 1), scope),
            Edit::MoreNames => (subject, [1, 2, 2, 1, 1][scope]),
            Edit::FewerNames => (subject, [0, 0, 1, 0, 0][scope]),
            Edit::Usages => (subject, [3, 3, 3, 4, 0][scope]),
            Edit::First => (0, 0),
            Edit::RequestedLifetime | Edit::Seed => (subject, scope),
        };
        let duration = match (edit, spec.template.duration) {
            (Edit::RequestedLifetime, None) => Some(Span::from_hours(8760)),
            (Edit::RequestedLifetime, Some(_)) => None,
            (_, same) => same,
        };
        spec.seed ^= u64::from(edit == Edit::Seed);
        spec.template = Template { duration, ..self.templates.get(subject * SCOPES + scope)?.clone() };
        let config = Config::new(spec).expect("every template is as good as the first");
        (config != self.config).then_some(config)
    }
}
