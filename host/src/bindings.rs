//! Types and traits generated from `wit/`: what guests import from Spin and what a scheduled one
//! exports. Implementations are in `variables`, `mysql` and `sqlite`.

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
            "fermyon:spin/rdbms-types": crate::mysql::rdbms_types,
            "spin:mysql/mysql.connection": crate::mysql::Connection,
            "fermyon:spin/mysql.connection": crate::mysql::Connection,
            "spin:sqlite/sqlite.connection": crate::sqlite::Connection,
            "fermyon:spin/sqlite.connection": crate::sqlite::Connection,
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
