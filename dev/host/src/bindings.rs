//! Types and traits generated from `wit/`: what guests import from Spin and what a scheduled one
//! exports. Implementations are in `guest_variables`, `mysql` and `sqlite`.

/// The interfaces that a component may import.
pub(crate) mod imports {
    wasmtime::component::bindgen!({
        path: "wit",
        world: "imports",
        imports: {
            // Spin blocks the guest in these, but never the host.
            "fermyon:spin/mysql": async | trappable,
            "fermyon:spin/sqlite": async | trappable,
            "fermyon:spin/variables": async | trappable,
            "spin:sqlite/sqlite": async | trappable,
            default: trappable,
        },
        with: {
            "fermyon:spin/rdbms-types": super::rdbms_types,
        },
        require_store_data_send: true,
    });
}

/// The export of a component that the cron trigger runs.
pub(crate) mod cron {
    wasmtime::component::bindgen!({
        path: "wit/cron",
        world: "spin-cron",
        exports: { default: async },
    });
}

/// `fermyon:spin/rdbms-types`: types of version 3 again, and the one that only version 2 has.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub mod rdbms_types {
    use wasmtime::component::{ComponentType, HasData, Lift, Linker, Lower};

    pub use super::imports::spin::mysql::mysql::{Column, Error, ParameterValue, Row};

    /// All rows of an answer.
    #[derive(Clone, Debug, ComponentType, Lift, Lower)]
    #[component(record)]
    pub struct RowSet {
        /// What is in each place of a row.
        pub columns: Vec<Column>,
        /// The rows.
        pub rows: Vec<Row>,
    }

    /// An interface of types has no functions to implement.
    pub trait Host {}
    impl<T: ?Sized> Host for T {}

    /// Likewise.
    pub trait HostWithStore<T>: HasData {}
    impl<T, D: HasData> HostWithStore<T> for D {}

    /// Defines the interface as the empty one that it is.
    pub fn add_to_linker<T, D: HasData>(
        linker: &mut Linker<T>,
        _: fn(&mut T) -> D::Data<'_>,
    ) -> wasmtime::Result<()> {
        linker.instance("fermyon:spin/rdbms-types@2.0.0").map(drop)
    }
}
