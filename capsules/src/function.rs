//! What is recorded: a function, or an action without one.

use capsules_core::CapsuleType;

use crate::durability::Durability;

/// What the attribute says of a function.
#[derive(Debug)]
pub struct Function {
    /// The type of its capsules.
    pub kind: CapsuleType,
    /// Gives the qualified name of the type `__CapsulesHere` that is declared inside of it.
    pub here: fn() -> &'static str,
    /// Its name without the path.
    pub name: &'static str,
    /// `trigger.source`, when it is not the qualified name.
    pub source: Option<&'static str>,
    /// The domain.
    pub domain: &'static str,
    /// How safely its capsules are kept; the instance's choice when `None`.
    pub durability: Option<Durability>,
}

impl Function {
    pub(crate) fn site(&self) -> Site<'static> {
        Site {
            kind: self.kind,
            name: enclosing_function((self.here)()),
            source: self.source,
            domain: self.domain,
            durability: self.durability,
        }
    }
}

/// The qualified name of a function, given that of a type which is declared inside of it. Runs with
/// every call, so it compares suffixes and searches nothing.
fn enclosing_function(inner: &'static str) -> &'static str {
    let mut name = inner.strip_suffix("::__CapsulesHere").unwrap_or(inner);
    // Inside an `async fn` the type lies in the closures that the compiler makes of it.
    while let Some(outer) = name.strip_suffix("::{{closure}}") {
        name = outer;
    }
    name
}

/// What acts, as its capsules say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Site<'a> {
    pub(crate) kind: CapsuleType,
    /// The function's qualified name.
    pub(crate) name: &'a str,
    /// `trigger.source`, when it is not the qualified name.
    pub(crate) source: Option<&'a str>,
    pub(crate) domain: &'a str,
    /// The instance's choice when `None`.
    pub(crate) durability: Option<Durability>,
}
