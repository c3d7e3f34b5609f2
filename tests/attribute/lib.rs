//! The attribute of tests that run once for each database.

use proc_macro::TokenStream;

/// Registers an `async fn(Backend)` as a test of `session_tests::harness`, on the databases that this method of
/// `Backend` chooses: `#[test_on(servers)]`.
#[proc_macro_attribute]
pub fn test_on(databases: TokenStream, function: TokenStream) -> TokenStream {
    let words = function.clone().into_iter().map(|token| token.to_string());
    let name = words.skip_while(|word| word != "fn").nth(1);
    let name = name.expect("the attribute of a function");
    let case = format!(
        "session_tests::inventory::submit! {{ session_tests::harness::Case {{
            module: module_path!(),
            name: \"{name}\",
            on: session_tests::backend::Backend::{databases},
            body: |backend| Box::pin({name}(backend)),
        }} }}"
    );
    let case: TokenStream = case.parse().expect("it is Rust");
    function.into_iter().chain(case).collect()
}
