//! The Python interface of `certrotate-core`.
//!
//! A rotator takes inputs and returns actions as dictionaries, in the JSON form of a trace. They are converted by Python's own
//! `json` module: it refuses a dictionary that contains itself, and serde_json refuses one that is nested too deeply.
//! `bindings/python/README.md` explains the interface, and `python/certrotate/types.py` has the types.
//!
//! # Example
//!
//! ```python
//! step = rotator.step({"wall": 1_790_000_000_000, "mono": 0}, "Tick")
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, TryLockError};

use certrotate_core::config::{Config, ConfigSpec, Template};
use certrotate_core::event::{Event, Severity};
use certrotate_core::id::RunId;
use certrotate_core::input::Input;
use certrotate_core::rotator::Rotator as CoreRotator;
use certrotate_core::time::{Now, WallTime};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest input or configuration, as JSON.
const MAX_JSON: usize = 4 << 20;

/// Reads a value of Python: dictionaries, lists, strings, numbers, booleans, None.
fn read<T: DeserializeOwned>(name: &str, value: &Bound<'_, PyAny>) -> PyResult<T> {
    let json = value.py().import("json")?.call_method1("dumps", (value,))?;
    let json: String = json.extract()?;
    if json.len() > MAX_JSON {
        return Err(PyValueError::new_err(format!(
            "{name} has more than {MAX_JSON} bytes as JSON; shorten it"
        )));
    }
    serde_json::from_str(&json)
        .map_err(|error| PyValueError::new_err(format!("{name} cannot be read: {error}")))
}

/// Returns a value as dictionaries, lists, strings, numbers, booleans, None.
fn written<'py>(py: Python<'py>, value: &impl Serialize) -> PyResult<Bound<'py, PyAny>> {
    let json = serde_json::to_string(value).map_err(|error| PyRuntimeError::new_err(error.to_string()))?;
    py.import("json")?.call_method1("loads", (json,))
}

/// Runs core. A panic, which would be a bug, becomes an exception of the usual kind.
fn guard<T>(body: impl FnOnce() -> T) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(body))
        .map_err(|_| PyRuntimeError::new_err("certrotate panicked; drop the rotator, and report this bug"))
}

fn config(spec: &Bound<'_, PyAny>) -> PyResult<Config> {
    Config::new(read::<ConfigSpec>("config", spec)?).map_err(|error| PyValueError::new_err(error.to_string()))
}

/// The rotation of one identity.
#[pyclass(frozen, module = "certrotate")]
#[derive(Debug)]
struct Rotator(Mutex<CoreRotator>);

impl Rotator {
    fn lock(&self) -> PyResult<MutexGuard<'_, CoreRotator>> {
        self.0.try_lock().map_err(|error| {
            PyRuntimeError::new_err(match error {
                TryLockError::WouldBlock => "another thread is using the rotator; use it from one at a time",
                TryLockError::Poisoned(_) => "the rotator panicked in an earlier step; drop it",
            })
        })
    }
}

#[pymethods]
impl Rotator {
    #[new]
    fn new(config: &Bound<'_, PyAny>, run: u64) -> PyResult<Self> {
        let config = self::config(config)?;
        Ok(Self(Mutex::new(guard(|| CoreRotator::new(config, RunId(run)))?)))
    }

    fn step<'py>(&self, now: &Bound<'py, PyAny>, input: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let (clocks, given): (Now, Input) = (read("now", now)?, read("input", input)?);
        let step = guard(|| self.lock().map(|mut rotator| rotator.step(clocks, given)))??;
        written(now.py(), &step)
    }

    fn sleep(&self, now: &Bound<'_, PyAny>) -> PyResult<Option<f64>> {
        let now: Now = read("now", now)?;
        Ok(guard(|| self.lock().map(|rotator| rotator.sleep(now)))??.map(|sleep| sleep.as_secs_f64()))
    }

    fn live(&self, wall: i64) -> PyResult<Option<(u64, u64)>> {
        let live = guard(|| self.lock().map(|rotator| rotator.live(WallTime::from_unix_ms(wall))))??;
        Ok(live.map(|(key, cert)| (key.0, cert.0)))
    }

    fn view<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        written(py, &guard(|| self.lock().map(|rotator| rotator.view()))??)
    }
}

/// Returns the severity of an event and its line for an operator.
#[pyfunction]
fn describe(event: &Bound<'_, PyAny>) -> PyResult<(&'static str, String)> {
    let event: Event = read("event", event)?;
    let severity = match event.severity() {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    Ok((severity, guard(|| event.to_string())?))
}

/// Returns the configuration of a node's client certificate, as the kubelet requests it.
#[pyfunction]
fn kubelet_client<'py>(py: Python<'py>, node: &str) -> PyResult<Bound<'py, PyAny>> {
    written(py, &ConfigSpec::new(Template::kubelet_client(node)))
}

#[pymodule]
fn _certrotate(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<Rotator>()?;
    module.add_function(wrap_pyfunction!(describe, module)?)?;
    module.add_function(wrap_pyfunction!(kubelet_client, module)?)
}
