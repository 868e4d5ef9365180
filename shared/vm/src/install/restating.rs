//! Drafts of a master for classes that a push has reshaped here: they come as the master's image has them,
//! and are put into the form that such classes have by now.
//!
//! ```text
//!   class         as many fields as it has here with all that it inherits
//!   class side    likewise; and the class has a place for each of its variables
//!   method        names variables where they stand here; one that is gone lets the draft be refused
//!   object        variables by name, new ones nil, elements behind them
//! ```
//!
//! As long as nothing was reshaped, nothing is looked at.

use std::fmt::Display;

use imprint_heap::Heap;
use imprint_isa::adaptation::{adapt, variables_named};
use imprint_isa::{
    BehaviorName, Body, ClassDraft, CodeBody, Draft, LocalObject, MetaDraft, MethodDraft, Miss,
    Name, Placed, Ref,
};
use imprint_model::class_index::fixed_index;
use imprint_model::layout::behavior;

use super::names::{ClassShape, Names};
use super::{InstallError, missing};
use crate::extract::VOCABULARY;

/// More superclasses than any class has.
const SUPERCLASSES_MAX: usize = 1000;

/// Where a variable of some stands among others.
pub(crate) fn place_of(variable: usize, from: &[Name], to: &[Name]) -> Option<usize> {
    let name = from.get(variable)?;
    to.iter().position(|known| known == name)
}

/// A draft in the form that its classes have here.
pub(crate) struct Restated {
    /// The draft.
    pub placed: Placed<Draft>,
    /// The objects in it that have other variables than the master knows of.
    pub changed: Vec<Changed>,
}

/// An object of a draft that has other variables here than it was sent with.
pub(crate) struct Changed {
    /// Its id.
    pub id: u64,
    /// What it is an instance of.
    pub behavior: BehaviorName,
    /// The variables that it has besides.
    pub added: Vec<Name>,
    /// Those that it has not, with what it was sent with in them, where that is not nil.
    pub dropped: Vec<(Name, Ref)>,
}

/// The variables of a behaviour's instances: as the master sends them, and here.
struct Variables {
    sent: Vec<Name>,
    here: Vec<Name>,
}

impl Variables {
    fn place(&self, variable: u16) -> Option<u16> {
        let moved = place_of(variable.into(), &self.sent, &self.here)?;
        u16::try_from(moved).ok()
    }

    /// Those that the master knows nothing of.
    fn added(&self) -> Vec<Name> {
        let here = self.here.iter();
        here.filter(|name| !self.sent.contains(name))
            .cloned()
            .collect()
    }

    /// What slots as they are sent hold in variables that are gone.
    fn dropped(&self, slots: &[Ref]) -> Vec<(Name, Ref)> {
        let sent = self.sent.iter().zip(slots);
        sent.filter(|(name, value)| !self.here.contains(name) && **value != Ref::NIL)
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// What slots as they are sent are changed in, where they are: of the object with this id.
    fn changed(&self, id: u64, behavior: BehaviorName, slots: &[Ref]) -> Option<Changed> {
        let changed = Changed {
            id,
            behavior,
            added: self.added(),
            dropped: self.dropped(slots),
        };
        let is_any = !changed.added.is_empty() || !changed.dropped.is_empty();
        is_any.then_some(changed)
    }

    /// So many fields of the master's instances, with inherited ones, are so many here.
    fn fields(&self, sent: u16) -> u16 {
        let own = usize::from(sent).saturating_sub(self.sent.len());
        (self.here.len() + own) as u16
    }

    /// Slots in the order of the variables here; what follows the variables, behind them.
    fn slots(&self, slots: &[Ref]) -> Vec<Ref> {
        let value = |variable: usize| {
            let sent = place_of(variable, &self.here, &self.sent)?;
            slots.get(sent).cloned()
        };
        let named = (0..self.here.len()).map(|variable| value(variable).unwrap_or(Ref::NIL));
        let others = slots.iter().skip(self.sent.len()).cloned();
        named.chain(others).collect()
    }
}

impl Names {
    /// Keeps in mind how a master sends a class that has another shape from now on.
    pub(crate) fn note_as_sent(&mut self, name: &Name, shape: &ClassShape) {
        let known = self.as_sent.entry(name.clone());
        known.or_insert_with(|| shape.clone());
    }

    /// A draft of the master in the form that its classes have here; `None` where it is right as it is.
    ///
    /// # Errors
    /// Where a class must come first, or no such form can be found.
    pub(crate) fn restated(
        &self,
        heap: &Heap,
        placed: &Placed<Draft>,
    ) -> Result<Option<Restated>, InstallError> {
        if self.as_sent.is_empty() {
            return Ok(None);
        }
        let title = &placed.draft;
        let mut draft = placed.draft.clone();
        let changed = match &mut draft {
            Draft::Class(class) => {
                let changed = self.restate_class(class, placed.id)?;
                changed.into_iter().collect()
            }
            Draft::Meta(meta) => {
                self.restate_meta(meta);
                Vec::new()
            }
            Draft::Method(method) => {
                self.restate_method(method)?;
                self.restate_locals(heap, &title, &mut method.locals, &placed.local_ids)?
            }
            Draft::Object(object) => {
                self.restate_locals(heap, &title, &mut object.locals, &placed.local_ids)?
            }
        };
        Ok(Some(Restated {
            changed,
            placed: Placed {
                draft,
                local_ids: placed.local_ids.clone(),
                ..*placed
            },
        }))
    }

    /// The variables of a behaviour, where they are known and differ.
    fn changed_variables(&self, behavior: &BehaviorName) -> Option<Variables> {
        let sent = self.variables(behavior, &|class| self.sent_shape(class))?;
        let here = self.all_instance_variables(behavior)?;
        (sent != here).then_some(Variables { sent, here })
    }

    fn sent_shape(&self, class: &Name) -> Option<&ClassShape> {
        let now = || self.class(class)?.shape.as_ref();
        self.as_sent.get(class).or_else(now)
    }

    /// The variables of the nearest class side, from a class upwards, of which all is known. What was
    /// reshaped is known.
    fn changed_side(&self, class: &Name) -> Option<Variables> {
        let superclass = |name: &Name| self.class(name)?.shape.as_ref()?.superclass.clone();
        let classes = std::iter::successors(Some(class.clone()), superclass);
        let mut sides = classes.take(SUPERCLASSES_MAX).map(BehaviorName::meta);
        let known = sides.find(|side| self.all_instance_variables(side).is_some())?;
        self.changed_variables(&known)
    }

    /// Answers the class itself, which has this id, where its side inherits other variables.
    fn restate_class(
        &self,
        draft: &mut ClassDraft,
        id: u64,
    ) -> Result<Option<Changed>, InstallError> {
        let Some(superclass) = &draft.superclass else {
            return Ok(None);
        };
        let inherited = self.changed_variables(&BehaviorName::class(superclass.clone()));
        if let Some(inherited) = inherited {
            let format = draft.instance_spec.format();
            if format.is_none_or(|format| !format.is_pointers()) {
                return Err(InstallError::Shape(draft.name.to_string()));
            }
            let fields = inherited.fields(draft.instance_spec.fixed_fields);
            draft.instance_spec = draft.instance_spec.with_fields(fields);
        }
        let Some(side) = self.changed_side(superclass) else {
            return Ok(None);
        };
        // What a virtual machine reads itself stands before what is sent.
        let mut slots = vec![Ref::NIL; behavior::LAYOUT];
        slots.append(&mut draft.slots);
        draft.slots = side.slots(&slots).split_off(behavior::LAYOUT);
        let name = BehaviorName::meta(draft.name.clone());
        Ok(side.changed(id, name, &slots))
    }

    fn restate_meta(&self, draft: &mut MetaDraft) {
        let superclass = draft.superclass.meta.then_some(&draft.superclass.class);
        if let Some(side) = superclass.and_then(|class| self.changed_side(class)) {
            draft.class_slots = side.fields(draft.class_slots);
        }
    }

    fn restate_method(&self, method: &mut MethodDraft) -> Result<(), InstallError> {
        let Some(variables) = self.changed_variables(&method.behavior) else {
            return Ok(());
        };
        let blocks = method.locals.iter_mut();
        let blocks = blocks.filter_map(|local| match &mut local.body {
            Body::Code(code) => Some(code),
            _ => None,
        });
        for code in std::iter::once(&mut method.code).chain(blocks) {
            if restate_code(code, &variables).is_none() {
                return Err(InstallError::Shape(method.to_string()));
            }
        }
        method.shape = self.shape_of(&method.behavior).unwrap_or(0);
        Ok(())
    }

    /// Objects whose classes are not here may be of classes that inherit from one that was reshaped. Answers
    /// those that have other variables.
    fn restate_locals(
        &self,
        heap: &Heap,
        title: &dyn Display,
        locals: &mut [LocalObject],
        ids: &[u64],
    ) -> Result<Vec<Changed>, InstallError> {
        let mut changed = Vec::new();
        for (number, local) in locals.iter_mut().enumerate() {
            let (Ref::Class(of), Body::Slots(slots)) = (&local.class, &mut local.body) else {
                continue;
            };
            // What the machine itself knows how to read is never reshaped.
            let is_fixed = fixed_index(&of.class).is_some() || VOCABULARY.contains(&&*of.class);
            if !is_fixed && self.class_object(heap, &of.class).is_none() {
                return Err(missing(title, Miss::Class(of.class.clone())));
            }
            if let Some(variables) = self.changed_variables(of) {
                let id = ids.get(number).copied().unwrap_or(0);
                changed.extend(variables.changed(id, of.clone(), slots));
                *slots = variables.slots(slots);
                let spec = self.class(&of.class).and_then(|it| it.shape.as_ref());
                let format = spec.and_then(|shape| shape.spec.format());
                local.format = format.filter(|_| !of.meta).unwrap_or(local.format);
            }
        }
        Ok(changed)
    }
}

/// `None` where the code names a variable that is gone, or cannot be adapted.
fn restate_code(code: &mut CodeBody, variables: &Variables) -> Option<()> {
    let set = code.header.set;
    let named = variables_named(set, &code.bytecodes).ok()?;
    if named.iter().any(|name| variables.place(*name).is_none()) {
        return None;
    }
    let adapted = adapt(set, &code.bytecodes, |name| variables.place(name));
    if let Some(adaptation) = adapted.ok()? {
        code.bytecodes = adaptation.bytes;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::install::names::testing::{names, shape};

    /// Class; and Top, which was sent with a and b, and has c, b and a.
    fn known() -> Names {
        let mut known = Names::default();
        known.declare(&"Class".into(), 10, 11).shape = Some(shape(None, &[], 0));
        known.declare(&"Top".into(), 12, 13).shape = Some(shape(None, &["c", "b", "a"], 3));
        known.note_as_sent(&"Top".into(), &shape(None, &["a", "b"], 2));
        known
    }

    #[test]
    fn slots_follow_the_names_of_their_variables() {
        let variables = known().changed_variables(&BehaviorName::class("Top"));
        let slots: Vec<Ref> = (1..=3).map(Ref::SmallInteger).collect();
        let restated = variables.expect("it was reshaped").slots(&slots);
        let [nil, rest @ ..] = restated.as_slice() else {
            panic!("{restated:?}")
        };
        assert_eq!(*nil, Ref::NIL);
        let variables = known().changed_variables(&BehaviorName::class("Top"));
        assert_eq!(variables.map(|it| it.added()), Some(names(&["c"])));
        assert_eq!(rest, [2, 1, 3].map(Ref::SmallInteger));
    }

    #[test]
    fn a_class_that_comes_later_has_room_for_what_it_inherits() {
        let mut known = known();
        known.declare(&"Low".into(), 14, 15).shape = Some(shape(Some("Top"), &["d"], 3));
        let low = known.changed_variables(&BehaviorName::class("Low"));
        let low = low.expect("it inherits from what was reshaped");
        assert_eq!(low.sent, names(&["a", "b", "d"]));
        assert_eq!(low.here, names(&["c", "b", "a", "d"]));
        assert_eq!(low.fields(3), 4);
        assert_eq!(low.place(2), Some(3));
        assert!(
            known
                .changed_variables(&BehaviorName::class("Class"))
                .is_none()
        );
    }
}
