//! The verbs on stored objects, of any kind; list and watch have files of their own.

use std::sync::Arc;

use http::{HeaderValue, Method, Response, StatusCode};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::DeleteOptions;

use crate::apiserver::api_error::{ApiError, FieldError, deleted};
use crate::apiserver::http::answer::{Body, error_response, json as json_response};
use crate::apiserver::http::context::Context;
use crate::apiserver::http::list;
use crate::apiserver::kinds::meta;
use crate::apiserver::object;
use crate::apiserver::object::{Object, key_of};
use crate::apiserver::resource::{Subresource, Verb};
use crate::apiserver::store::durable::Durable;
use crate::apiserver::store::objects::{Store, Written};
use crate::apiserver::store::page::Ask;
use crate::apiserver::user::User;
use crate::apiserver::wire::call::Call;
use crate::apiserver::wire::decode::Decoded;
use crate::apiserver::wire::definitions::{definition_of, unknown_fields};
use crate::apiserver::wire::form::{Form, form, only_metadata};
use crate::apiserver::wire::patch::Patch;
use crate::apiserver::wire::query::Query;
use crate::apiserver::wire::table::{Include, table};
use crate::apiserver::wire::{decode, protobuf};
use crate::base::budgets::{QUOTE_BYTES, cut};
use crate::base::random::random;
use crate::base::time::api_time;

#[cfg(test)]
mod tests;

/// Room for the random part of a generated name.
const LONGEST_BASE: usize = 58;
const NAME_TRIES: usize = 8;

/// One request about objects of one kind.
pub(crate) struct Request<'a, T: Object> {
    pub(crate) context: &'a Context,
    pub(crate) store: &'a Arc<Store<T>>,
    pub(crate) user: &'a User,
    pub(crate) call: &'a Call,
    pub(crate) query: Query,
    pub(crate) namespace: Option<&'a str>,
    /// Empty: the collection.
    pub(crate) name: &'a str,
    pub(crate) subresource: Option<Subresource>,
}

impl<T: Object> Request<'_, T> {
    fn key(&self) -> String {
        key_of(self.namespace, self.name)
    }

    /// Answers any verb except list and watch. `may_create` says whether the user may create the object that an update
    /// does not find.
    pub(crate) fn carry_out(
        self,
        verb: Verb,
        may_create: impl FnOnce() -> Result<(), ApiError>,
    ) -> Result<Response<Body>, ApiError> {
        let store = Arc::clone(self.store);
        let (failures, _) = store.barrier();
        let answer = match verb {
            Verb::Get => return self.get(),
            Verb::List | Verb::Watch => return Err(ApiError::method_not_allowed()),
            Verb::Create => self.create(),
            Verb::Update => self.replace(may_create),
            Verb::Patch => self.patch(),
            Verb::Delete => self.delete(),
            Verb::DeleteCollection => self.delete_collection(),
        };
        // A refusal may rest on a change that no reader can see yet. It is sent when that change is on the disk.
        let mut response = answer.unwrap_or_else(|error| error_response(&error));
        if response.extensions().get::<Durable>().is_none() {
            let (failures_now, barrier) = store.barrier();
            if failures != failures_now {
                return Err(ApiError::unavailable("a change before this one could not be stored: try again"));
            }
            response.extensions_mut().insert(barrier);
        }
        Ok(response)
    }

    /// POST on the collection.
    fn create(&self) -> Result<Response<Body>, ApiError> {
        let Decoded { document, warnings } = decode::document(T::API, self.call, self.query.validation)?;
        let object = decode::typed(document)?;
        let stored = self.store_new(object)?;
        Ok(warn(self.written(StatusCode::CREATED, &stored), &warnings))
    }

    /// Stores a new object, under a generated name if none is given.
    fn store_new(&self, mut object: T) -> Result<Written<T>, ApiError> {
        self.place(&mut object)?;
        *object.metadata_mut() = meta::of_new(object.metadata().clone());
        let object = object.begin(self.user);
        let given = object.metadata();
        let base = given.generate_name.clone().filter(|base| !base.is_empty());
        let base = base.filter(|_| given.name.as_deref().unwrap_or_default().is_empty());
        let mut result = Err(ApiError::internal("no name was tried"));
        for _ in 0..if base.is_some() { NAME_TRIES } else { 1 } {
            let mut object = object.clone();
            if let Some(base) = &base {
                object.metadata_mut().name = Some(generated_name(base)?);
            }
            let name = object.metadata().name.clone().unwrap_or_default();
            object.admit(self.user).map_err(|why| ApiError::refused(T::API, &name, &why))?;
            let errors = object.check();
            if !errors.is_empty() {
                return Err(ApiError::invalid(T::API, &name, &errors));
            }
            object.admit_valid().map_err(|why| ApiError::refused(T::API, &name, &why))?;
            object.metadata_mut().uid = Some(meta::new_uid()?);
            object.metadata_mut().creation_timestamp = Some(api_time(self.context.clock.now()));
            result = self.store.create_unless_dry(object, self.query.dry_run);
            if !matches!(&result, Err(e) if e.reason == "AlreadyExists") {
                break;
            }
        }
        result
    }

    /// Puts a new object into the namespace of the path, or refuses one that says another.
    fn place(&self, object: &mut T) -> Result<(), ApiError> {
        let given = object.metadata().namespace.clone().filter(|namespace| !namespace.is_empty());
        match (given.as_deref(), self.namespace) {
            (Some(given), Some(path)) if given != path => {
                let why =
                    "the namespace of the provided object does not match the namespace sent on the request";
                return Err(ApiError::bad_request(why));
            }
            (Some(_), None) => {
                let why = "namespace may not be set on a cluster-scoped object";
                return Err(ApiError::bad_request(why));
            }
            _ => {}
        }
        object.metadata_mut().namespace = self.namespace.map(str::to_owned);
        Ok(())
    }

    /// GET on one object or its subresource.
    fn get(&self) -> Result<Response<Body>, ApiError> {
        let object = self.store.get(&self.key())?;
        Ok(self.present(StatusCode::OK, &object, self.query.include))
    }

    /// PUT on an object or its subresource. `may_create`: the user may create a missing object.
    fn replace(&self, may_create: impl FnOnce() -> Result<(), ApiError>) -> Result<Response<Body>, ApiError> {
        let Decoded { document, warnings } = decode::document(T::API, self.call, self.query.validation)?;
        let mut new: T = decode::typed(document)?;
        let key = self.key();
        if T::CREATE_ON_UPDATE && !self.store.has(&key) {
            may_create()?;
            self.same_name(&new)?;
            new.metadata_mut().name = Some(self.name.to_owned());
            let stored = self.store_new(new)?;
            return Ok(warn(self.written(StatusCode::CREATED, &stored), &warnings));
        }
        if !T::UNCONDITIONAL_UPDATE && !meta::has_version(new.metadata()) {
            let error =
                FieldError::invalid("metadata.resourceVersion", "0", "must be specified for an update");
            return Err(ApiError::invalid(T::API, self.name, &[error]));
        }
        let stored = self.store.update_unless_dry(&key, self.query.dry_run, |old| self.changed(new, old))?;
        Ok(warn(self.written(StatusCode::OK, &stored), &warnings))
    }

    fn same_name(&self, new: &T) -> Result<(), ApiError> {
        match new.metadata().name.as_deref() {
            Some(given) if given != self.name => Err(ApiError::bad_request(format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                cut(given, QUOTE_BYTES),
                cut(self.name, QUOTE_BYTES)
            ))),
            _ => Ok(()),
        }
    }

    /// PATCH on an object or its subresource.
    fn patch(&self) -> Result<Response<Body>, ApiError> {
        let patch = Patch::of(self.call)?;
        let mut warnings = Vec::new();
        let stored = self.store.update_unless_dry(&self.key(), self.query.dry_run, |old| {
            let mut document = serde_json::to_value(old).map_err(|e| ApiError::internal(e.to_string()))?;
            patch.apply(T::API, &mut document)?;
            let unknown = unknown_fields(&document, &definition_of(T::API));
            warnings = decode::judge(T::API, &[], &unknown, self.query.validation)?;
            self.changed(decode::typed(document)?, old)
        })?;
        Ok(warn(self.written(StatusCode::OK, &stored), &warnings))
    }

    /// Returns the stored object with the update applied.
    fn changed(&self, mut new: T, old: &T) -> Result<T, ApiError> {
        self.place(&mut new)?;
        let now = api_time(self.context.clock.now());
        let changed = T::change(new, old, self.subresource, now)?;
        changed
            .admit_change(old, self.subresource, self.user)
            .map_err(|why| ApiError::refused(T::API, self.name, &why))?;
        Ok(changed)
    }

    /// DELETE of one object.
    fn delete(&self) -> Result<Response<Body>, ApiError> {
        let (options, dry) = self.delete_options()?;
        let wanted = options.preconditions.unwrap_or_default();
        let now = api_time(self.context.clock.now());
        let gone = self.store.remove(&self.key(), (now, dry), |old| {
            let meta = old.metadata();
            let differs = |field: &str, wanted: &Option<String>, there: &Option<String>| {
                let (wanted, there) = (wanted.as_deref()?, there.as_deref().unwrap_or_default());
                let why = format!(
                    "Precondition failed: {field} in precondition: {wanted}, {field} in object meta: {there}"
                );
                (wanted != there).then(|| ApiError::conflict(T::API, self.name, &why))
            };
            let uid = differs("UID", &wanted.uid, &meta.uid);
            let version = || differs("ResourceVersion", &wanted.resource_version, &meta.resource_version);
            uid.or_else(version).map_or(Ok(()), Err)
        })?;
        if gone.metadata().deletion_timestamp.is_some() {
            return Ok(self.written(StatusCode::OK, &gone));
        }
        let status = deleted(T::API, self.name, gone.metadata().uid.as_deref());
        let mut response = json_response(StatusCode::OK, &status);
        response.extensions_mut().insert(gone.durable);
        Ok(response)
    }

    /// DELETE of the collection, or of what the selectors leave of it.
    fn delete_collection(self) -> Result<Response<Body>, ApiError> {
        let (_, dry) = self.delete_options()?;
        let now = api_time(self.context.clock.now());
        let selector = self.query.selector.clone().within(self.namespace);
        let page = self.store.page(&Ask { selector, limit: self.query.limit, ..Ask::default() })?;
        let mut durable = Durable::at_once();
        for object in &page.objects {
            let key = object::key(&**object);
            match self.store.remove(&key, (now.clone(), dry), |_| Ok(())) {
                Err(error) if error.code != StatusCode::NOT_FOUND => return Err(error),
                Err(_) => {}
                Ok(gone) => durable.and(gone.durable),
            }
        }
        let mut response = list::whole(self.store, page);
        response.extensions_mut().insert(durable);
        Ok(response)
    }

    fn delete_options(&self) -> Result<(DeleteOptions, bool), ApiError> {
        let options: DeleteOptions = if self.call.body.is_empty() {
            DeleteOptions::default()
        } else if decode::media_type(self.call).ends_with("protobuf") {
            let document = protobuf::delete_options(&self.call.body).map_err(ApiError::bad_request)?;
            serde_json::from_value(document).map_err(|e| ApiError::bad_request(e.to_string()))?
        } else {
            decode::parse(&self.call.body)?
        };
        let dry = self.query.dry_run || options.dry_run.iter().flatten().any(|word| word == "All");
        Ok((options, dry))
    }

    /// The answer to a write. It is sent when the object is on the disk.
    fn written(&self, code: StatusCode, written: &Written<T>) -> Response<Body> {
        let mut response = self.present(code, &written.object, Include::Metadata);
        response.extensions_mut().insert(written.durable.clone());
        response
    }

    fn present(&self, code: StatusCode, object: &T, include: Include) -> Response<Body> {
        let version = object.metadata().resource_version.as_deref().unwrap_or_default();
        match form(&self.call.accept) {
            Form::Table => json_response(code, &table([object], version, include, self.context.clock.now())),
            Form::Metadata => json_response(code, &only_metadata(object)),
            Form::Whole => json_response(code, object),
        }
    }
}

/// Something that is served in no other form than JSON.
pub(crate) fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Adds the warnings as kubectl prints them (RFC 9111, 5.5 of old).
fn warn(mut response: Response<Body>, warnings: &[String]) -> Response<Body> {
    for warning in warnings {
        let text: String = warning.chars().filter(|c| !c.is_control()).collect();
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{quoted}\"")) {
            response.headers_mut().append(http::header::WARNING, value);
        }
    }
    response
}

fn generated_name(base: &str) -> Result<String, ApiError> {
    const ALPHABET: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
    let end = (0..=LONGEST_BASE.min(base.len())).rev().find(|i| base.is_char_boundary(*i)).unwrap_or(0);
    let bytes = random::<5>().map_err(|e| ApiError::internal(e.to_string()))?;
    let tail: String = bytes.iter().map(|b| char::from(ALPHABET[usize::from(*b) % ALPHABET.len()])).collect();
    Ok(format!("{}{tail}", &base[..end]))
}
