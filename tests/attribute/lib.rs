//! The attribute of tests that run once for each database.

use proc_macro::TokenStream;

/// Registers an `async fn(Backend)` as a test of `session_tests::harness`, on the databases that this method of
/// `Backend` chooses: `#[test_on(servers)]`. `#[test_on(servers, alone)]` is for one whose requirement is a time: no other
/// test keeps the processor busy meanwhile.
#[proc_macro_attribute]
pub fn test_on(options: TokenStream, function: TokenStream) -> TokenStream {
    let options = options.to_string();
    let (databases, alone) = match options.split_once(',') {
        Some((databases, alone)) => (databases, alone.trim()),
        None => (&*options, ""),
    };
    assert!(["", "alone"].contains(&alone), "unknown option {alone}");
    let alone = !alone.is_empty();
    let words = function.clone().into_iter().map(|token| token.to_string());
    let name = words.skip_while(|word| word != "fn").nth(1);
    let name = name.expect("the attribute of a function");
    let case = format!(
        "session_tests::inventory::submit! {{ session_tests::harness::Case {{
            module: module_path!(),
            name: \"{name}\",
            on: session_tests::backend::Backend::{databases},
            alone: {alone},
            body: |backend| Box::pin({name}(backend)),
        }} }}"
    );
    let case: TokenStream = case.parse().expect("it is Rust");
    function.into_iter().chain(case).collect()
}
