//! The proof that a draft was verified: what a machine installs of the wire without looking twice.

use super::{Rejection, fields_named, verify};
use crate::draft::{Draft, Placed};

/// A draft that keeps every rule. What cannot be told without its class is how many instance variables that
/// has: so it knows how many the code names, and is asked again when it is installed ([`Verified::check_fields`]).
#[derive(Clone, PartialEq, Debug)]
pub struct Verified {
    /// By itself, so that handing it on moves a pointer.
    placed: Box<Placed<Draft>>,
    fields_named: usize,
}

impl Verified {
    /// Verifies a draft.
    ///
    /// # Errors
    /// As [`verify`].
    pub fn new(placed: Placed<Draft>) -> Result<Verified, Rejection> {
        Ok(Verified {
            fields_named: fields_named(&placed.draft, None)?,
            placed: Box::new(placed),
        })
    }

    /// The draft and its place.
    pub fn placed(&self) -> &Placed<Draft> {
        &self.placed
    }

    /// The draft and its place, without the proof.
    pub fn into_placed(self) -> Box<Placed<Draft>> {
        self.placed
    }

    /// Looks whether a behaviour with so many instance variables, inherited ones included, has all that the
    /// code names.
    ///
    /// # Errors
    /// The first instruction that names another.
    pub fn check_fields(&self, fields: usize) -> Result<(), Rejection> {
        match self.fields_named <= fields {
            true => Ok(()),
            false => verify(&self.placed.draft, Some(fields)),
        }
    }
}
