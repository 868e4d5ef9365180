//! What is taken into a slim image, in order of id, and why.

use std::collections::BTreeMap;

use imprint_isa::{BehaviorName, Draft, Name, Placed, Ref};
use imprint_vm::Arrivals;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::keep::Kept;
use crate::pattern::{Glob, package_of_method};

/// Packages of tests, and what runs them: they come to the proof in a side package.
pub const EXCLUDED_PACKAGES: [&str; 2] = ["SUnit", "*-Tests"];

/// The phase that production begins with.
pub const ENTRY_PHASE: &str = "entry";

/// A draft that is taken, and why.
#[derive(Clone, PartialEq, Debug)]
pub struct Taken {
    /// The draft.
    pub placed: Placed<Draft>,
    /// Why, first reason first.
    pub because: Vec<String>,
    /// Whether only tests reached it.
    pub only_tests: bool,
}

/// Classes, class sides, bindings, methods, objects, each by id: the order of installation.
#[derive(Default)]
pub struct Selection {
    /// What is taken.
    pub taken: Vec<Taken>,
    /// Names of classes that were left out with their package.
    pub excluded: FxHashSet<Name>,
}

/// Takes what came and what is to be kept; leaves out the packages that `excluded` matches.
pub fn select(arrivals: &Arrivals, kept: &[Kept], excluded: &[Glob]) -> Selection {
    select_all(arrivals, kept, excluded).0
}

/// As [`select`]; answers what is left out too.
pub(crate) fn select_all(
    arrivals: &Arrivals,
    kept: &[Kept],
    excluded: &[Glob],
) -> (Selection, Vec<Taken>) {
    let mut all: BTreeMap<(u8, u64), Taken> = BTreeMap::new();
    for arrival in &arrivals.drafts {
        let phase = arrivals
            .phases
            .get(arrival.phase)
            .map_or(ENTRY_PHASE, String::as_str);
        let is_test = phase != ENTRY_PHASE;
        add(&mut all, &arrival.placed, phase.to_string(), is_test);
    }
    for keep in kept {
        add(&mut all, &keep.placed, keep.because.clone(), false);
    }
    let packages = packages(&all);
    let is_excluded = |package: &str| excluded.iter().any(|glob| glob.matches(package));
    let excluded_classes: FxHashSet<Name> = packages
        .iter()
        .filter(|(_, package)| is_excluded(package))
        .map(|(name, _)| name.clone())
        .collect();
    let stays = |taken: &Taken| {
        let belongs =
            owner(&taken.placed.draft).is_some_and(|class| excluded_classes.contains(&class));
        !belongs && !is_excluded(&extension_package(&taken.placed.draft, &packages))
    };
    let (taken, left_out) = all.into_values().partition(stays);
    (
        Selection {
            taken,
            excluded: excluded_classes,
        },
        left_out,
    )
}

fn add(
    all: &mut BTreeMap<(u8, u64), Taken>,
    placed: &Placed<Draft>,
    because: String,
    is_test: bool,
) {
    let taken = all.entry(order(placed)).or_insert_with(|| Taken {
        placed: placed.clone(),
        because: Vec::new(),
        only_tests: true,
    });
    taken.only_tests &= is_test;
    if !taken.because.contains(&because) {
        taken.because.push(because);
    }
}

/// The order of installation: kinds that others need first, then ids.
fn order(placed: &Placed<Draft>) -> (u8, u64) {
    match &placed.draft {
        Draft::Class(_) => (0, placed.id),
        Draft::Meta(_) => (1, placed.meta_id),
        Draft::Object(object) if !matches!(object.root, Ref::Local(_)) => (2, placed.id),
        Draft::Method(_) => (3, placed.id),
        Draft::Object(_) => (4, placed.id),
    }
}

fn packages(all: &BTreeMap<(u8, u64), Taken>) -> FxHashMap<Name, Name> {
    let package = |taken: &Taken| match &taken.placed.draft {
        Draft::Class(class) => Some((class.name.clone(), class.package.clone())),
        _ => None,
    };
    all.values().filter_map(package).collect()
}

/// The class that a draft belongs to or is an instance of.
fn owner(draft: &Draft) -> Option<Name> {
    match draft {
        Draft::Class(class) => Some(class.name.clone()),
        Draft::Meta(meta) => Some(meta.name.clone()),
        Draft::Method(method) => Some(method.behavior.class.clone()),
        Draft::Object(object) => match (
            &object.root,
            object.locals.first().map(|local| &local.class),
        ) {
            (Ref::Global(name) | Ref::ClassVariable { class: name, .. }, _) => Some(name.clone()),
            (_, Some(Ref::Class(BehaviorName { class, .. }))) => Some(class.clone()),
            _ => None,
        },
    }
}

fn extension_package(draft: &Draft, packages: &FxHashMap<Name, Name>) -> String {
    let Draft::Method(method) = draft else {
        return String::new();
    };
    let own = packages
        .get(&method.behavior.class)
        .map_or("", |package| &**package);
    package_of_method(&method.protocol, own).to_string()
}
