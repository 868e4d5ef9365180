//! A heap snapshot: a live slave's heap as it is, with its run's state.
//!
//! Not a slim image: that is a function of what a run reached, and holds nothing of what it did. Here are
//! the objects that the run made and changed, its processes at the place where they wait, and ghosts for
//! all that did not come. Nothing replays it, and its sockets and files are closed once it is loaded.

use std::path::Path;

use anyhow::{Result, anyhow};
use imprint_image::{
    CompactOptions, Fingerprint, ImageProblem, write_beside_and_rename, write_compact,
};
use imprint_shrink::narrow_views;
use imprint_vm::{Arrivals, Outcome, Vm};

use crate::ending::ending;

/// Writes the heap of a machine whose run has ended; answers the identity and the bytes of the file.
///
/// # Errors
/// Where there is no memory for it, the master is gone and a class is needed from there, or the file cannot
/// be written.
pub fn write_heap(vm: &mut Vm, path: &Path) -> Result<(Fingerprint, u64)> {
    // What comes only for this counts for no slim image of the run.
    let reached = vm.extensions.get::<Arrivals>().cloned();
    let whole = vm.settle().and_then(|()| vm.fetch_classes_of_all());
    vm.extensions.insert(reached.unwrap_or_default());
    whole.map_err(|outcome| sentence_of(&outcome))?;
    narrow_views(&mut vm.heap, &vm.names, &vm.presence)?;
    let (bytes, _) = write_compact(&vm.heap, &CompactOptions::default())
        .map_err(|problem: ImageProblem| problem.of(path))?;
    write_beside_and_rename(path, &bytes)?;
    Ok((Fingerprint::of(&bytes), bytes.len() as u64))
}

fn sentence_of(outcome: &Outcome) -> anyhow::Error {
    let (code, sentence) = ending(outcome);
    anyhow!(sentence.unwrap_or_else(|| format!("the machine ended with code {code}")))
}
