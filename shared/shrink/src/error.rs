//! Why no slim image came of it.

use imprint_heap::NeedsSpace;
use imprint_image::ImageProblem;
use imprint_vm::install::InstallError;
use imprint_vm::seed::SeedError;
use thiserror::Error;

/// Why no slim image came of it.
#[derive(Debug, Error)]
pub enum ShrinkError {
    /// A keep pattern that nothing in the full image matches.
    #[error(
        "--keep '{0}' matches nothing in the full image; write CLASS, CLASS>>selector, CLASS class>>selector or Foo*"
    )]
    MatchesNothing(String),
    /// A keep pattern that matches only what belongs to tests.
    #[error(
        "--keep '{0}' would have no effect: it names only tests, which never ship; move what is \
         to ship into a package that is no -Tests package"
    )]
    NeverShips(String),
    /// A text that is no keep pattern.
    #[error(
        "'{0}' is no keep pattern; write CLASS, CLASS>>selector, CLASS class>>selector or Foo*"
    )]
    NoPattern(String),
    /// A name that is no margin.
    #[error("'{0}' is no margin; write none, branches or class")]
    NoMargin(String),
    /// A draft that does not fit the others.
    #[error("cannot put {0} into the slim image")]
    Install(#[from] InstallError),
    /// The seed could not be made.
    #[error(transparent)]
    Seed(#[from] SeedError),
    /// The heap is too small.
    #[error(transparent)]
    NeedsSpace(#[from] NeedsSpace),
    /// The image could not be written.
    #[error(transparent)]
    Image(#[from] ImageProblem),
}
