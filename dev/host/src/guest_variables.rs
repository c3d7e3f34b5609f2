//! `spin:variables@3.0.0` and `fermyon:spin/variables@2.0.0`: a component reads its own variables.

use std::sync::PoisonError;

use wasmtime::component::Accessor;

use crate::bindings::imports::fermyon::spin::variables as v2;
use crate::bindings::imports::spin::variables::variables as v3;
use crate::faults::{Call, Operation, Verdict};
use crate::guest::{Guest, GuestData};
use crate::instance::Instance;
use crate::manifest::is_valid_name;

/// What Spin's guests are told then is the provider's own text.
const PROVIDER_FAILED: &str = "the provider at secrets.internal did not answer";

enum Missing {
    InvalidName(String),
    Undefined(String),
    /// The fault rules want its provider to fail.
    Provider,
}

async fn get(instance: &Instance, name: &str) -> Result<String, Missing> {
    let test_controls = &instance.app.test_controls;
    test_controls.stats.variable();
    if !is_valid_name(name) {
        return Err(Missing::InvalidName(format!(
            "{name:?} is not lower-case snake case"
        )));
    }
    let component = &instance.component;
    let template = component.variables.get(name).ok_or_else(|| {
        Missing::Undefined(format!("no variable for {:?}.{name:?}", component.id))
    })?;
    for name in template.names() {
        let call = Call {
            database: None,
            operation: Operation::Variable,
            sql: name,
        };
        if test_controls.faults.meet(call).await != Verdict::Proceed {
            return Err(Missing::Provider);
        }
    }
    let changed = test_controls.variables.lock();
    let changed = changed.unwrap_or_else(PoisonError::into_inner);
    let value = |name: &str| {
        changed
            .get(name)
            .or_else(|| instance.app.variables.get(name))
    };
    let filled = template.fill(|name| value(name).map(String::as_str));
    filled.map_err(|name| Missing::Undefined(format!("no value for {name:?}")))
}

impl v3::Host for Guest {}

impl<T: Send> v3::HostWithStore<T> for GuestData {
    async fn get(
        accessor: &Accessor<T, Self>,
        name: String,
    ) -> wasmtime::Result<Result<String, v3::Error>> {
        let instance = accessor.with(|mut access| access.get().instance.clone());
        Ok(get(&instance, &name)
            .await
            .map_err(|missing| match missing {
                Missing::InvalidName(text) => v3::Error::InvalidName(text),
                Missing::Undefined(text) => v3::Error::Undefined(text),
                Missing::Provider => v3::Error::Provider(PROVIDER_FAILED.to_owned()),
            }))
    }
}

impl v2::Host for Guest {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<String, v2::Error>> {
        Ok(get(&self.instance, &name)
            .await
            .map_err(|missing| match missing {
                Missing::InvalidName(text) => v2::Error::InvalidName(text),
                Missing::Undefined(text) => v2::Error::Undefined(text),
                Missing::Provider => v2::Error::Provider(PROVIDER_FAILED.to_owned()),
            }))
    }
}
