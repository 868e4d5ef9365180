//! Why a package was not made, read, installed or taken out.

use imprint_image::sealed::SealError;
use imprint_isa::draft_bytes::DraftError;
use imprint_vm::install::InstallError;
use imprint_vm::revise::RevisionError;
use thiserror::Error;

use crate::signature::SignatureError;

/// Why a package was not made, read, installed or taken out.
#[derive(Debug, Error)]
pub enum PackageError {
    /// The file is no package file, or not what was written.
    #[error("this is no package file that can be used: {0}; make it again, or copy it again")]
    Sealed(#[from] SealError),
    /// What the file holds cannot be read.
    #[error("the package file holds something that no package holds: {0}")]
    Draft(#[from] DraftError),
    /// A draft in it breaks a rule.
    #[error("the package file holds code that could harm an image: {0}")]
    Rejected(#[from] Box<imprint_isa::verifier::Rejection>),
    /// The signature is not that of its key.
    #[error("the package file is not what its maker signed: {0}; do not use it")]
    Signature(#[from] SignatureError),
    /// There is no such package where packages are made from.
    #[error("the image has no package {name}; it has {}", .present.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        present: Vec<String>,
    },
    /// Something has no form in which it could travel.
    #[error("{owner} holds {what}, which means nothing in another image")]
    Bound {
        /// What holds it.
        owner: String,
        /// What it is.
        what: String,
    },
    /// The image lacks things that the packages need: a sentence for each.
    #[error("{}", .0.join("\n"))]
    Lacking(Vec<String>),
    /// The packages send what a slim image has no method for any more: a sentence each.
    #[error(
        "{}\nkeep that when the image is shrunk or push it first, or install with --force and do without",
        .0.join("\n")
    )]
    Lost(Vec<String>),
    /// The image cannot take packages.
    #[error(
        "the image has no class {0}, so it cannot keep packages; install into an image of a kernel \
         that has it, and shrink that"
    )]
    NoInstaller(&'static str),
    /// A draft that the heap refused.
    #[error("cannot install {0}")]
    Install(#[from] InstallError),
    /// A class cannot look as the package wants it.
    #[error("{0}")]
    Revision(RevisionError),
    /// The newer version takes away what the image uses: a sentence for each.
    #[error(
        "this would lose\n{}\nkeep it elsewhere first, or lose it with --force",
        .0.iter().map(|loss| format!("  {loss}")).collect::<Vec<_>>().join("\n")
    )]
    Losses(Vec<String>),
    /// The image's own code failed.
    #[error("{step} failed: {why}")]
    Failed {
        /// What was running.
        step: String,
        /// What it said.
        why: String,
    },
    /// Something is in the way of taking a package, or part of an older version, out: a sentence for each.
    #[error("{0}")]
    InTheWay(String),
}

impl From<RevisionError> for PackageError {
    fn from(error: RevisionError) -> PackageError {
        match error {
            RevisionError::Losses(losses) => {
                PackageError::Losses(losses.iter().map(ToString::to_string).collect())
            }
            other => PackageError::Revision(other),
        }
    }
}
