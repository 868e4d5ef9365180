//! The side package of a proof: the tests and what runs them, as they came to the slave, for a slim
//! image that holds none of it.
//!
//! What the slim image has already is found there by name. Objects without a name that the tests
//! hold come as they were in the full image.

use imprint_isa::{BehaviorName, Draft, Placed, Ref};
use imprint_model::{Ghost, Oop};
use imprint_vm::extract::ClassIndices;
use imprint_vm::install::{InstallError, Installer, Unbound};
use imprint_vm::{Arrivals, Vm};

use crate::error::ShrinkError;
use crate::pattern::Glob;
use crate::select::select_all;

/// What the proof brings to a slim image.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct SidePackage {
    /// The class indices of the full image, as far as the slave learnt them.
    pub class_indices: Vec<ClassIndices>,
    /// What is installed, in order.
    pub drafts: Vec<Placed<Draft>>,
    /// What the slim image has by name, by its id in the full image.
    pub aliases: Vec<(Ghost, Ref)>,
}

/// The side package of a slave that ran the tests; `excluded` are the packages that no slim image
/// holds.
pub fn side_package(arrivals: &Arrivals, excluded: &[String]) -> SidePackage {
    let excluded: Vec<Glob> = excluded
        .iter()
        .map(|name| Glob::from(name.as_str()))
        .collect();
    let (kept, left_out) = select_all(arrivals, &[], &excluded);
    let objects = kept
        .taken
        .iter()
        .filter(|taken| is_nameless(&taken.placed.draft));
    let drafts = left_out
        .iter()
        .chain(objects)
        .map(|taken| taken.placed.clone())
        .collect();
    let aliases = kept
        .taken
        .iter()
        .flat_map(|taken| names_of(&taken.placed))
        .collect();
    SidePackage {
        class_indices: arrivals.class_indices.clone(),
        drafts,
        aliases,
    }
}

fn is_nameless(draft: &Draft) -> bool {
    matches!(draft, Draft::Object(object) if matches!(object.root, Ref::Local(_)))
}

fn names_of(placed: &Placed<Draft>) -> Vec<(Ghost, Ref)> {
    let alias = |id, hash, reference| Ghost::new(id, hash).map(|ghost| (ghost, reference));
    let (index, meta_index) = placed.class_indices;
    let found = match &placed.draft {
        Draft::Class(class) => alias(
            placed.id,
            index,
            Ref::Class(BehaviorName::class(class.name.clone())),
        ),
        Draft::Meta(meta) => alias(
            placed.meta_id,
            meta_index,
            Ref::Class(BehaviorName::meta(meta.name.clone())),
        ),
        Draft::Method(method) => alias(
            placed.id,
            0,
            Ref::Method(method.behavior.clone(), method.selector.clone()),
        ),
        Draft::Object(object) if !matches!(object.root, Ref::Local(_)) => {
            alias(placed.id, 0, object.root.clone())
        }
        Draft::Object(_) => None,
    };
    found.into_iter().collect()
}

/// Puts a side package into the machine of a slim image.
///
/// # Errors
/// [`ShrinkError::Install`] where a draft needs a class that neither of the two has.
pub fn install_side(vm: &mut Vm, side: &SidePackage) -> Result<(), ShrinkError> {
    for (name, index, meta_index) in &side.class_indices {
        vm.names.declare(name, *index, *meta_index);
    }
    for (ghost, reference) in &side.aliases {
        if let Some(oop) = find(vm, reference) {
            vm.presence.insert(ghost.id, oop);
        }
    }
    let mut waiting: Vec<&Placed<Draft>> = side.drafts.iter().collect();
    while !waiting.is_empty() {
        let (left, last) = install_once(vm, &waiting)?;
        if let Some(error) = last.filter(|_| left.len() == waiting.len()) {
            return Err(error.into());
        }
        waiting = left;
    }
    vm.flush_caches();
    Ok(())
}

type Left<'a> = (Vec<&'a Placed<Draft>>, Option<InstallError>);

fn install_once<'a>(vm: &mut Vm, drafts: &[&'a Placed<Draft>]) -> Result<Left<'a>, ShrinkError> {
    let mut left = Vec::new();
    let mut last = None;
    for placed in drafts {
        let mut installer = Installer {
            heap: &mut vm.heap,
            names: &mut vm.names,
            presence: &mut vm.presence,
            unbound: Unbound::Create,
        };
        match installer.install(placed) {
            Ok(_) => {}
            Err(error @ InstallError::Missing { .. }) => {
                left.push(*placed);
                last = Some(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok((left, last))
}

fn find(vm: &Vm, reference: &Ref) -> Option<Oop> {
    match reference {
        Ref::Class(behavior) => vm.names.behavior(&vm.heap, behavior),
        Ref::Global(name) => vm.names.global(name),
        Ref::ClassVariable { class, name } => vm.names.class_variable(class, name),
        Ref::Known(known) => Some(vm.heap.known(*known)),
        _ => None,
    }
}
