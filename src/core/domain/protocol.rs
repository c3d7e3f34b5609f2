//! The protocols that callers speak. A session belongs to the one in which it was made, and the others don't know it.

/// One of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// The native API.
    #[default]
    Native,
    /// The session part of SuperTokens' Core Driver Interface.
    Cdi,
}
