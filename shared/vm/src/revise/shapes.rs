//! Which behaviours look otherwise after a revision, and how.

use imprint_isa::{BehaviorName, ClassDraft, Name};
use imprint_model::class_index::FIXED_INDICES;
use imprint_model::{Format, InstanceSpec};

use super::RevisionError;
use super::undo::Undo;
use crate::extract::VOCABULARY;
use crate::install::{ClassShape, Names, place_of};

/// Classes besides those of fixed index and of the vocabulary whose variables are read by number.
const READ_BY_NUMBER: [&str; 8] = [
    "Behavior",
    "ClassDescription",
    "Class",
    "LinkedList",
    "Link",
    "LookupKey",
    "Association",
    "Slot",
];

/// How the instances of a behaviour look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Shape {
    /// All instance variables, inherited ones first.
    pub variables: Vec<Name>,
    /// What its format slot says.
    pub spec: InstanceSpec,
}

/// A behaviour whose instances look otherwise.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ShapeChange {
    /// Which.
    pub behavior: BehaviorName,
    /// Where it stands in the class table.
    pub index: u32,
    /// How they looked.
    pub from: Shape,
    /// How they will look.
    pub to: Shape,
}

impl ShapeChange {
    /// Where a variable stands afterwards; `None` where it is gone.
    pub fn place(&self, variable: u16) -> Option<u16> {
        let moved = place_of(variable.into(), &self.from.variables, &self.to.variables)?;
        u16::try_from(moved).ok()
    }

    /// Where a variable stood before; `None` where it is new.
    pub fn origin(&self, variable: usize) -> Option<usize> {
        place_of(variable, &self.to.variables, &self.from.variables)
    }

    /// The variables that go, with their places before.
    pub fn removed(&self) -> Vec<(usize, Name)> {
        missing_in(&self.from.variables, &self.to.variables)
    }

    /// The variables that come.
    pub fn added(&self) -> Vec<Name> {
        let added = missing_in(&self.to.variables, &self.from.variables);
        added.into_iter().map(|(_, name)| name).collect()
    }

    /// Whether instances may have indexed elements before and none afterwards.
    pub fn loses_elements(&self) -> bool {
        is_indexed(self.from.spec) && !is_indexed(self.to.spec)
    }

    /// Lets the register of names know how many fields instances have then.
    pub fn specify(&self, names: &mut Names) {
        let entry = names.class(&self.behavior.class);
        let shape = entry.and_then(|entry| entry.shape.clone());
        if let (Some(shape), false) = (shape, self.behavior.meta) {
            let spec = self.to.spec;
            names.reshape(&self.behavior.class, Some(ClassShape { spec, ..shape }));
        }
    }

    /// The way back.
    pub fn inverse(&self) -> ShapeChange {
        ShapeChange {
            from: self.to.clone(),
            to: self.from.clone(),
            ..self.clone()
        }
    }
}

fn missing_in(all: &[Name], others: &[Name]) -> Vec<(usize, Name)> {
    let names = all.iter().cloned().enumerate();
    names.filter(|(_, name)| !others.contains(name)).collect()
}

fn is_indexed(spec: InstanceSpec) -> bool {
    spec.format().is_some_and(Format::is_indexable_pointers)
}

/// The classes of a revision as the register of names shall know them, and as it did.
pub(super) struct Declared {
    /// Class by class: the name, and the shape before.
    pub before: Vec<(Name, Option<ClassShape>)>,
    /// Classes that were not known at all.
    pub fresh: Vec<Name>,
    /// What looks otherwise now.
    pub changes: Vec<ShapeChange>,
}

impl Declared {
    /// Takes it back.
    pub fn withdraw(self, names: &mut Names) {
        for (name, shape) in self.before {
            names.reshape(&name, shape);
        }
        for name in &self.fresh {
            names.forget_class(name);
        }
    }
}

/// Declares the classes of a revision; `absent` are those of them that are not here, and `first_index` is
/// where indices for new ones are looked for.
///
/// # Errors
/// Where a change of shape is none that can be made; then nothing is declared.
pub(super) fn declare(
    names: &mut Names,
    classes: &[ClassDraft],
    absent: &[Name],
    first_index: u32,
) -> Result<Declared, RevisionError> {
    let kin = kin_reshaped(names, classes, absent);
    let sides = sides_of(&kin);
    let from: Vec<Option<Shape>> = sides.iter().map(|side| shape_of(names, side)).collect();
    let mut declared = Declared {
        before: Vec::new(),
        fresh: Vec::new(),
        changes: Vec::new(),
    };
    for draft in classes {
        declare_class(names, draft, first_index, &mut declared);
    }
    match changes(names, &kin, sides, from, &mut declared) {
        Ok(changes) => {
            declared.changes = changes;
            Ok(declared)
        }
        Err(error) => {
            declared.withdraw(names);
            Err(error)
        }
    }
}

/// The classes that will look otherwise, and those that inherit from them, superclasses first.
pub(super) fn kin_reshaped(names: &Names, classes: &[ClassDraft], absent: &[Name]) -> Vec<Name> {
    let is_known =
        |draft: &&ClassDraft| names.class(&draft.name).is_some() && !absent.contains(&draft.name);
    let roots: Vec<Name> = classes
        .iter()
        .filter(is_known)
        .filter(|draft| differs(names, draft))
        .map(|draft| draft.name.clone())
        .collect();
    names.with_descendants(&roots)
}

fn sides_of(kin: &[Name]) -> Vec<BehaviorName> {
    let both = |name: &Name| {
        [
            BehaviorName::class(name.clone()),
            BehaviorName::meta(name.clone()),
        ]
    };
    kin.iter().flat_map(both).collect()
}

/// What going back means for classes that came since a revision and inherit from what that reshaped:
/// they came in the form that they have by it, so no change of its own tells of them.
pub(super) fn late_changes_back(names: &Names, undo: &Undo) -> Vec<ShapeChange> {
    let mut late = Vec::new();
    for side in sides_of(&late_kin(names, undo)) {
        let before = |class: &Name| shape_before(names, undo, class);
        let (Some(from), Some(index)) = (shape_of(names, &side), names.index_of(&side)) else {
            continue;
        };
        if let Some(variables) = names.variables(&side, &before) {
            let to = Shape {
                spec: spec_of(from.spec.spec, variables.len()),
                variables,
            };
            if from != to {
                late.push(ShapeChange {
                    behavior: side,
                    index,
                    from,
                    to,
                });
            }
        }
    }
    late
}

/// The classes that inherit from what a revision reshaped, and that it knew nothing of.
pub(super) fn late_kin(names: &Names, undo: &Undo) -> Vec<Name> {
    let roots = undo.changes.iter().map(|it| it.behavior.class.clone());
    let roots: Vec<Name> = roots.collect();
    let mut kin = names.with_descendants(&roots);
    kin.retain(|name| !roots.contains(name) && !undo.shapes.iter().any(|(known, _)| known == name));
    kin
}

fn shape_before<'a>(names: &'a Names, undo: &'a Undo, class: &Name) -> Option<&'a ClassShape> {
    let mut replaced = undo.shapes.iter();
    match replaced.find(|(name, _)| name == class) {
        Some((_, before)) => before.as_ref(),
        None => names.class(class)?.shape.as_ref(),
    }
}

/// Whether a class will look otherwise than it does, or inherit from another one.
fn differs(names: &Names, draft: &ClassDraft) -> bool {
    let Some(shape) = names
        .class(&draft.name)
        .and_then(|entry| entry.shape.as_ref())
    else {
        return true;
    };
    let of_meta = draft.meta.as_ref().map(|meta| &meta.instance_variables);
    shape.superclass != draft.superclass
        || shape.instance_variables != draft.instance_variables
        || family(shape.spec.spec) != family(draft.instance_spec.spec)
        || of_meta
            .is_some_and(|variables| shape.class_variables_of_meta.as_ref() != Some(variables))
}

/// The kind of an instance specification, apart from whether there are named fields.
fn family(spec: u8) -> u8 {
    match spec {
        0 | 1 => Format::FIXED.bits(),
        2 | 3 => Format::FIXED_AND_INDEXED.bits(),
        other => other,
    }
}

/// The specification of a kind with so many named fields.
fn spec_of(kind: u8, fields: usize) -> InstanceSpec {
    let any = InstanceSpec {
        spec: kind,
        fixed_fields: 0,
    };
    any.with_fields(fields as u16)
}

fn shape_of(names: &Names, behavior: &BehaviorName) -> Option<Shape> {
    let variables = names.all_instance_variables(behavior)?;
    let kind = match behavior.meta {
        true => Format::FIXED.bits(),
        false => names.class(&behavior.class)?.shape.as_ref()?.spec.spec,
    };
    let spec = spec_of(kind, variables.len());
    Some(Shape { variables, spec })
}

fn declare_class(names: &mut Names, draft: &ClassDraft, first_index: u32, declared: &mut Declared) {
    if names.class(&draft.name).is_none() {
        declared.fresh.push(draft.name.clone());
    }
    // Of a class that was pruned the image may have kept the place.
    names.assign_indices(&draft.name, first_index);
    let known = names
        .class(&draft.name)
        .and_then(|entry| entry.shape.as_ref());
    let of_meta = match &draft.meta {
        Some(meta) => Some(meta.instance_variables.clone()),
        None => known.and_then(|shape| shape.class_variables_of_meta.clone()),
    };
    let shape = ClassShape {
        superclass: draft.superclass.clone(),
        spec: draft.instance_spec,
        instance_variables: draft.instance_variables.clone(),
        class_variables_of_meta: of_meta,
        class_variables: draft.class_variables.clone(),
        pools: draft.pools.clone(),
    };
    let before = names.reshape(&draft.name, Some(shape));
    declared.before.push((draft.name.clone(), before));
}

/// Reckons the specifications of all kin anew, and answers what differs from before.
fn changes(
    names: &mut Names,
    kin: &[Name],
    sides: Vec<BehaviorName>,
    from: Vec<Option<Shape>>,
    declared: &mut Declared,
) -> Result<Vec<ShapeChange>, RevisionError> {
    let own = declared.before.iter().map(|(name, _)| name.clone());
    let own: Vec<Name> = own.collect();
    for name in kin
        .iter()
        .chain(own.iter().filter(|name| !kin.contains(name)))
    {
        respecify(names, name, declared)?;
    }
    let mut changes = Vec::new();
    for (behavior, from) in sides.into_iter().zip(from) {
        let (Some(to), Some(index)) = (shape_of(names, &behavior), names.index_of(&behavior))
        else {
            // A class side that has not come has no instances that could be migrated.
            continue;
        };
        let Some(from) = from else {
            return Err(RevisionError::Forgotten(behavior.class));
        };
        if from != to {
            changes.push(checked(ShapeChange {
                behavior,
                index,
                from,
                to,
            })?);
        }
    }
    Ok(changes)
}

/// Gives a class the number of fields that it has with all that it inherits.
fn respecify(names: &mut Names, name: &Name, declared: &mut Declared) -> Result<(), RevisionError> {
    let behavior = BehaviorName::class(name.clone());
    let entry = names.class(name).and_then(|entry| entry.shape.clone());
    let (Some(shape), Some(to)) = (entry, shape_of(names, &behavior)) else {
        return Err(RevisionError::Forgotten(name.clone()));
    };
    check_unique(&behavior, &to.variables)?;
    if shape.spec != to.spec {
        let mended = ClassShape {
            spec: to.spec,
            ..shape.clone()
        };
        names.reshape(name, Some(mended));
        if !declared.before.iter().any(|(known, _)| known == name) {
            declared.before.push((name.clone(), Some(shape)));
        }
    }
    Ok(())
}

fn check_unique(behavior: &BehaviorName, variables: &[Name]) -> Result<(), RevisionError> {
    let mut seen = std::collections::HashSet::new();
    match variables.iter().find(|variable| !seen.insert(*variable)) {
        Some(variable) => Err(RevisionError::Twice {
            behavior: behavior.clone(),
            variable: variable.clone(),
        }),
        None => Ok(()),
    }
}

/// A change that can be made.
fn checked(change: ShapeChange) -> Result<ShapeChange, RevisionError> {
    let name = &change.behavior.class;
    let is_fixed = FIXED_INDICES.iter().any(|(known, _)| *known == &**name)
        || VOCABULARY.contains(&&**name)
        || READ_BY_NUMBER.contains(&&**name);
    if is_fixed && !change.behavior.meta {
        return Err(RevisionError::Fixed(name.clone()));
    }
    let is_raw = |spec: InstanceSpec| spec.format().is_none_or(|format| !format.is_pointers());
    let (from, to) = (change.from.spec, change.to.spec);
    if (is_raw(from) || is_raw(to)) && from != to {
        return Err(RevisionError::Raw(change.behavior));
    }
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::*;
    use imprint_isa::MetaDraft;

    fn draft(name: &str, superclass: Option<&str>, variables: &[&str]) -> ClassDraft {
        let names = |list: &[&str]| list.iter().map(|name| Name::from(*name)).collect();
        ClassDraft {
            name: name.into(),
            superclass: superclass.map(Name::from),
            instance_spec: spec_of(1, variables.len()),
            instance_variables: names(variables),
            class_variables: Vec::new(),
            pools: Vec::new(),
            package: "".into(),
            tag: "".into(),
            methods: Vec::new(),
            slots: Vec::new(),
            meta: Some(MetaDraft {
                name: name.into(),
                superclass: BehaviorName::class("Class"),
                class_slots: 0,
                instance_variables: Vec::new(),
                methods: Vec::new(),
                slots: Vec::new(),
            }),
        }
    }

    /// Class (with no variables), Top a b, Low c under Top, Other.
    fn known() -> Names {
        let mut names = Names::default();
        let all = [
            draft("Class", None, &[]),
            draft("Top", None, &["a", "b"]),
            draft("Low", Some("Top"), &["c"]),
            draft("Other", None, &[]),
            draft("Process", None, &["link"]),
        ];
        declare(&mut names, &all, &[], 2000).expect("they are sane");
        names
    }

    fn changed(drafts: &[ClassDraft]) -> Vec<(String, Vec<Option<u16>>)> {
        let declared = declare(&mut known(), drafts, &[], 2000).expect("it can be made");
        let places = |change: &ShapeChange| {
            let all = 0..change.from.variables.len() as u16;
            all.map(|old| change.place(old)).collect()
        };
        let changes = declared.changes.iter();
        changes
            .map(|it| (it.behavior.to_string(), places(it)))
            .collect()
    }

    #[test]
    fn variables_are_followed_by_name_into_all_that_inherit_them() {
        let cases = [
            (vec![draft("Top", None, &["a", "b"])], vec![]),
            (
                vec![draft("Top", None, &["new", "a", "b"])],
                vec![
                    ("Top", vec![Some(1), Some(2)]),
                    ("Low", vec![Some(1), Some(2), Some(3)]),
                ],
            ),
            (
                vec![draft("Top", None, &["b"])],
                vec![
                    ("Top", vec![None, Some(0)]),
                    ("Low", vec![None, Some(0), Some(1)]),
                ],
            ),
            (
                // A variable moves up; for Low it only moves.
                vec![
                    draft("Top", None, &["c", "a", "b"]),
                    draft("Low", Some("Top"), &[]),
                ],
                vec![
                    ("Top", vec![Some(1), Some(2)]),
                    ("Low", vec![Some(1), Some(2), Some(0)]),
                ],
            ),
            (
                vec![draft("Low", Some("Other"), &["c"])],
                vec![("Low", vec![None, None, Some(0)])],
            ),
        ];
        for (drafts, expected) in cases {
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(name, places)| (name.to_string(), places))
                .collect();
            assert_eq!(changed(&drafts), expected);
        }
    }

    #[test]
    fn what_is_refused_leaves_the_register_as_it_was() {
        let cases = [
            (draft("Top", None, &["a", "b", "c"]), "'c' twice"),
            (draft("Process", None, &["link", "more"]), "by number"),
        ];
        for (draft, expected) in cases {
            let mut names = known();
            let before = names.shape_of(&BehaviorName::class("Low"));
            let refused = declare(&mut names, std::slice::from_ref(&draft), &[], 2000);
            let text = refused.err().expect("it is refused").to_string();
            assert!(text.contains(expected), "{text}");
            assert_eq!(names.shape_of(&BehaviorName::class("Low")), before);
            let mut names = known();
            let withdrawn = [super::tests::draft("Fresh", Some("Top"), &["x"])];
            let declared = declare(&mut names, &withdrawn, &[], 2000).expect("it can be made");
            assert!(names.shape_of(&BehaviorName::class("Fresh")).is_some());
            declared.withdraw(&mut names);
            assert!(names.class("Fresh").is_none());
        }
    }
}
