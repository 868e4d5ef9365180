//! What can be found by name: classes by their index, and the bindings of variables.
//!
//! This is the machine's own register, beside what the image keeps for itself; a slave has no
//! dictionary of globals until one is pulled. It is rebuilt from the heap after an image was
//! loaded (`scan`), and its bindings are roots.

use std::sync::Arc;

use imprint_heap::Heap;
use imprint_isa::draft::shape_hash;
use imprint_isa::{BehaviorName, Name, Ref};
use imprint_model::{ClassIndex, Family, InstanceSpec, Oop};
use rustc_hash::FxHashMap;

/// What is known of a class before, and whether or not, its object is here.
#[derive(Clone, PartialEq, Debug)]
pub struct ClassEntry {
    /// Index in the class table.
    pub index: u32,
    /// Index of the metaclass; 0 where not known.
    pub meta_index: u32,
    /// What is known of the shape.
    pub shape: Option<ClassShape>,
}

/// The shape of a class.
#[derive(Clone, PartialEq, Debug)]
pub struct ClassShape {
    /// The superclass; `None` at the root.
    pub superclass: Option<Name>,
    /// What its instances are.
    pub spec: InstanceSpec,
    /// Its own instance variables.
    pub instance_variables: Vec<Name>,
    /// Its own class-side instance variables; `None` while the class side has not come.
    pub class_variables_of_meta: Option<Vec<Name>>,
    /// The names of its class variables.
    pub class_variables: Vec<Name>,
    /// The shared pools it uses.
    pub pools: Vec<Name>,
}

/// The variables of a behaviour's instances, inherited ones included.
#[derive(Clone, PartialEq, Debug)]
pub struct Fields {
    /// Their names; what a behaviour adds none to it shares with its superclass.
    pub names: Arc<[Name]>,
    /// What the instances are.
    spec: InstanceSpec,
    /// The hash of the behaviour's shape ([`shape_hash`]).
    pub shape: u64,
}

/// The register of names.
#[derive(Default)]
pub struct Names {
    /// How the classes look.
    pub family: Family,
    classes: FxHashMap<Name, ClassEntry>,
    behaviors: FxHashMap<u32, BehaviorName>,
    next_index: u32,
    /// What was asked of the fields of behaviours, since a shape changed last.
    fields: FxHashMap<BehaviorName, Fields>,
    pub(super) globals: FxHashMap<Name, Oop>,
    pub(super) class_variables: FxHashMap<Name, FxHashMap<Name, Oop>>,
    pub(super) undeclared: FxHashMap<Name, Oop>,
    pub(super) meta_bindings: FxHashMap<Name, Oop>,
    /// Classes as they came, which a program has changed since.
    pub(super) former: FxHashMap<Name, ClassShape>,
    /// Classes as the master sends them, which a push has reshaped here.
    pub(super) as_sent: FxHashMap<Name, ClassShape>,
}

impl ClassShape {
    /// The variables that a side of the class adds, where they are known.
    fn own_variables(&self, is_meta: bool) -> Option<&Vec<Name>> {
        match is_meta {
            true => self.class_variables_of_meta.as_ref(),
            false => Some(&self.instance_variables),
        }
    }

    /// The behaviour that a side of the class inherits from.
    fn above(&self, is_meta: bool) -> Option<BehaviorName> {
        match (&self.superclass, is_meta) {
            (Some(superclass), meta) => Some(BehaviorName {
                class: superclass.clone(),
                meta,
            }),
            (None, true) => Some(BehaviorName::class("Class")),
            (None, false) => None,
        }
    }

    /// What the instances of a side of the class are, which have so many variables.
    fn spec_of(&self, is_meta: bool, count: usize) -> InstanceSpec {
        match is_meta {
            true => InstanceSpec {
                spec: 1,
                fixed_fields: count as u16,
            },
            false => self.spec,
        }
    }
}

fn hash_of(spec: InstanceSpec, variables: &[Name]) -> u64 {
    shape_hash(spec, variables.iter().map(Arc::as_ref))
}

impl Names {
    /// Makes room for so many classes.
    pub(super) fn make_room(&mut self, classes: usize) {
        self.classes.reserve(classes);
        self.behaviors.reserve(2 * classes);
    }

    /// What is known of the class `name`.
    pub fn class(&self, name: &str) -> Option<&ClassEntry> {
        self.classes.get(name)
    }

    /// The class-table index of a behaviour, where known.
    pub fn index_of(&self, behavior: &BehaviorName) -> Option<u32> {
        let entry = self.classes.get(&behavior.class)?;
        let index = if behavior.meta {
            entry.meta_index
        } else {
            entry.index
        };
        (index != 0).then_some(index)
    }

    /// The class-table index of the class `name`, where known.
    pub fn class_index(&self, name: &str) -> Option<u32> {
        self.classes.get(name).map(|entry| entry.index)
    }

    /// The behaviour at an index of the class table.
    pub fn behavior_at(&self, index: u32) -> Option<&BehaviorName> {
        self.behaviors.get(&index)
    }

    /// The object of a behaviour, where it is here.
    pub fn behavior(&self, heap: &Heap, behavior: &BehaviorName) -> Option<Oop> {
        self.index_of(behavior)
            .and_then(|index| heap.class_at(index))
    }

    /// The object of the class `name`, where it is here.
    pub fn class_object(&self, heap: &Heap, name: &str) -> Option<Oop> {
        self.class_index(name)
            .and_then(|index| heap.class_at(index))
    }

    /// All known class names, in no order.
    pub fn class_names(&self) -> impl Iterator<Item = &Name> {
        self.classes.keys()
    }

    /// Notes the indices of a class, without its shape; known ones stay.
    pub fn declare(&mut self, name: &Name, index: u32, meta_index: u32) -> &mut ClassEntry {
        self.fields.clear();
        if meta_index != 0 {
            self.behaviors.insert(
                meta_index,
                BehaviorName {
                    class: name.clone(),
                    meta: true,
                },
            );
        }
        self.behaviors.insert(
            index,
            BehaviorName {
                class: name.clone(),
                meta: false,
            },
        );
        let entry = self.classes.entry(name.clone()).or_insert(ClassEntry {
            index,
            meta_index,
            shape: None,
        });
        if meta_index != 0 {
            entry.meta_index = meta_index;
        }
        entry
    }

    /// Gives the class `name` indices from `first` on where it has none yet: Spur's own where
    /// Spur fixes one, else the next that are free.
    pub fn assign_indices(&mut self, name: &Name, first: u32) -> (u32, u32) {
        if let Some(entry) = self.classes.get(name).filter(|entry| entry.meta_index != 0) {
            return (entry.index, entry.meta_index);
        }
        self.next_index = self.next_index.max(first);
        let known = self.classes.get(name).map(|entry| entry.index);
        let index = known
            .or_else(|| imprint_model::class_index::fixed_index(name))
            .unwrap_or_else(|| self.take_index());
        let meta_index = self.take_index();
        self.declare(name, index, meta_index);
        (index, meta_index)
    }

    fn take_index(&mut self) -> u32 {
        while self.behaviors.contains_key(&self.next_index) {
            self.next_index += 1;
        }
        self.next_index += 1;
        debug_assert!(
            self.next_index < ClassIndex::LIMIT,
            "the class table is full"
        );
        self.next_index - 1
    }

    /// Takes another shape for a class that is known; answers the one that it had.
    pub fn reshape(&mut self, name: &str, shape: Option<ClassShape>) -> Option<ClassShape> {
        self.fields.clear();
        let entry = self.classes.get_mut(name)?;
        std::mem::replace(&mut entry.shape, shape)
    }

    /// Forgets a class: its name is free again, its indices are not.
    pub fn forget_class(&mut self, name: &str) {
        self.fields.clear();
        self.classes.remove(name);
    }

    /// The classes of these names and all that inherit from them, superclasses first.
    pub fn with_descendants(&self, roots: &[Name]) -> Vec<Name> {
        let superclass = |name: &Name| self.classes.get(name)?.shape.as_ref()?.superclass.clone();
        let chain = |name: &Name| {
            let chain = std::iter::successors(Some(name.clone()), superclass);
            // Classes that inherit in a circle come to an end all the same.
            chain.take(self.classes.len())
        };
        let is_kin = |name: &&Name| chain(name).any(|ancestor| roots.contains(&ancestor));
        let mut kin: Vec<Name> = self.classes.keys().filter(is_kin).cloned().collect();
        kin.sort_by_cached_key(|name| (chain(name).count(), name.clone()));
        kin
    }

    /// All instance variables of a behaviour, inherited ones first, where all shapes are known.
    pub fn all_instance_variables(&self, behavior: &BehaviorName) -> Option<Vec<Name>> {
        self.variables(behavior, &|class| self.classes.get(class)?.shape.as_ref())
    }

    /// As [`Names::all_instance_variables`], before a program changed anything.
    pub(super) fn former_instance_variables(&self, behavior: &BehaviorName) -> Option<Vec<Name>> {
        self.variables(behavior, &|class| self.former_shape(class))
    }

    fn former_shape(&self, class: &Name) -> Option<&ClassShape> {
        let now = || self.classes.get(class)?.shape.as_ref();
        self.former.get(class).or_else(now)
    }

    /// As [`Names::all_instance_variables`], where classes have other shapes.
    pub(crate) fn variables<'a>(
        &'a self,
        behavior: &BehaviorName,
        shape_of: &dyn Fn(&Name) -> Option<&'a ClassShape>,
    ) -> Option<Vec<Name>> {
        let shape = shape_of(&behavior.class)?;
        let mut all = match shape.above(behavior.meta) {
            Some(above) => self.variables(&above, shape_of)?,
            None => Vec::new(),
        };
        all.extend(shape.own_variables(behavior.meta)?.iter().cloned());
        Some(all)
    }

    /// The hash of a behaviour's shape ([`shape_hash`]), where all of it is known.
    pub fn shape_of(&self, behavior: &BehaviorName) -> Option<u64> {
        let variables = self.all_instance_variables(behavior)?;
        let shape = self.shape(behavior)?;
        let spec = shape.spec_of(behavior.meta, variables.len());
        Some(hash_of(spec, &variables))
    }

    fn shape(&self, behavior: &BehaviorName) -> Option<&ClassShape> {
        self.classes.get(&behavior.class)?.shape.as_ref()
    }

    /// The variables and the shape of a behaviour, where all of it is known: as
    /// [`Names::all_instance_variables`] and [`Names::shape_of`], and remembered.
    pub fn fields_of(&mut self, behavior: &BehaviorName) -> Option<Fields> {
        if let Some(known) = self.fields.get(behavior) {
            return Some(known.clone());
        }
        let inherited = match self.shape(behavior)?.above(behavior.meta) {
            Some(above) => Some(self.fields_of(&above)?),
            None => None,
        };
        let shape = self.shape(behavior)?;
        let own = shape.own_variables(behavior.meta)?;
        let above = inherited.as_ref().map_or(&[][..], |it| &it.names);
        let spec = shape.spec_of(behavior.meta, above.len() + own.len());
        let fields = match inherited {
            Some(same) if own.is_empty() && same.spec == spec => same,
            _ => {
                let names: Arc<[Name]> = above.iter().chain(own).cloned().collect();
                let shape = hash_of(spec, &names);
                Fields { names, spec, shape }
            }
        };
        self.fields.insert(behavior.clone(), fields.clone());
        Some(fields)
    }

    /// As [`Names::shape_of`], before a program changed anything.
    pub(super) fn former_shape_of(&self, behavior: &BehaviorName) -> Option<u64> {
        let variables = self.former_instance_variables(behavior)?;
        let shape = self.former_shape(&behavior.class)?;
        let mut spec = shape.spec_of(behavior.meta, variables.len());
        // A class that came when its superclass had changed has more or fewer fields than it was sent with.
        spec.fixed_fields = variables.len() as u16;
        Some(hash_of(spec, &variables))
    }

    /// The binding of a global.
    pub fn global(&self, name: &str) -> Option<Oop> {
        self.globals.get(name).copied()
    }

    /// The binding of a class variable.
    pub fn class_variable(&self, class: &Name, name: &Name) -> Option<Oop> {
        self.class_variables.get(class)?.get(name).copied()
    }

    /// Forgets everything that is known by the name of a class: its bindings and indices too.
    pub(super) fn forget_all_of(&mut self, name: &Name) {
        self.fields.clear();
        if let Some(entry) = self.classes.remove(name) {
            self.behaviors.remove(&entry.index);
            self.behaviors.remove(&entry.meta_index);
        }
        self.globals.remove(name);
        self.class_variables.remove(name);
        self.meta_bindings.remove(name);
    }

    /// Notes the binding of a global.
    pub fn bind_global(&mut self, name: Name, binding: Oop) {
        self.globals.insert(name, binding);
    }

    /// Notes the binding of a class variable.
    pub fn bind_class_variable(&mut self, class: Name, name: Name, binding: Oop) {
        self.class_variables
            .entry(class)
            .or_default()
            .insert(name, binding);
    }

    /// Forgets the binding of a global; answers it.
    pub fn unbind_global(&mut self, name: &str) -> Option<Oop> {
        self.globals.remove(name)
    }

    /// Forgets the binding of a class variable; answers it.
    pub fn unbind_class_variable(&mut self, class: &Name, name: &Name) -> Option<Oop> {
        self.class_variables.get_mut(class)?.remove(name)
    }

    /// All bindings of globals, by name.
    pub fn globals_by_name(&self) -> Vec<(Name, Oop)> {
        let mut all: Vec<_> = self
            .globals
            .iter()
            .map(|(name, oop)| (name.clone(), *oop))
            .collect();
        all.sort_by(|left, right| left.0.cmp(&right.0));
        all
    }

    /// The bindings of the class variables of a class, by name.
    pub fn class_variables_of(&self, class: &Name) -> Vec<(Name, Oop)> {
        let own = self.class_variables.get(class).into_iter().flatten();
        let mut all: Vec<_> = own.map(|(name, oop)| (name.clone(), *oop)).collect();
        all.sort_by(|left, right| left.0.cmp(&right.0));
        all
    }

    /// All bindings with the references that name them, in no order.
    pub fn all_bindings(&self) -> Vec<(Ref, Oop)> {
        let globals = self
            .globals
            .iter()
            .map(|(name, oop)| (Ref::Global(name.clone()), *oop));
        let variables = self.class_variables.iter().flat_map(|(class, own)| {
            own.iter().map(move |(name, oop)| {
                let (class, name) = (class.clone(), name.clone());
                (Ref::ClassVariable { class, name }, *oop)
            })
        });
        let undeclared = self
            .undeclared
            .iter()
            .map(|(name, oop)| (Ref::Undeclared(name.clone()), *oop));
        let metas = self
            .meta_bindings
            .iter()
            .map(|(name, oop)| (Ref::MetaBinding(name.clone()), *oop));
        globals
            .chain(variables)
            .chain(undeclared)
            .chain(metas)
            .collect()
    }

    /// Shows every oop to a visitor that may move it.
    pub fn visit(&mut self, visitor: &mut dyn FnMut(&mut Oop)) {
        self.globals.values_mut().for_each(&mut *visitor);
        let variables = self.class_variables.values_mut();
        variables
            .flat_map(FxHashMap::values_mut)
            .for_each(&mut *visitor);
        self.undeclared.values_mut().for_each(&mut *visitor);
        self.meta_bindings.values_mut().for_each(&mut *visitor);
    }
}

/// Shapes for tests.
#[cfg(test)]
pub(super) mod testing {
    use super::*;

    pub fn names(names: &[&str]) -> Vec<Name> {
        names.iter().map(|name| Name::from(*name)).collect()
    }

    /// The shape of a class with these variables, whose instances have so many fields.
    pub fn shape(superclass: Option<&str>, variables: &[&str], fields: u16) -> ClassShape {
        ClassShape {
            superclass: superclass.map(Name::from),
            spec: InstanceSpec {
                spec: imprint_model::Format::FIXED.bits(),
                fixed_fields: fields,
            },
            instance_variables: names(variables),
            class_variables_of_meta: Some(Vec::new()),
            class_variables: Vec::new(),
            pools: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::shape;
    use super::*;

    fn known() -> Names {
        let mut known = Names::default();
        known.declare(&"Class".into(), 10, 11).shape = Some(shape(None, &["name"], 1));
        known.declare(&"Top".into(), 12, 13).shape = Some(shape(None, &["a", "b"], 2));
        known.declare(&"Low".into(), 14, 15).shape = Some(shape(Some("Top"), &[], 2));
        known
    }

    #[test]
    fn what_is_remembered_of_fields_is_what_the_shapes_say_also_once_one_has_changed() {
        let mut known = known();
        let sides = ["Class", "Top", "Low"]
            .map(Name::from)
            .into_iter()
            .flat_map(|name| [BehaviorName::class(name.clone()), BehaviorName::meta(name)]);
        let sides: Vec<BehaviorName> = sides.collect();
        for fields in [2, 3] {
            let variables = &["a", "b", "c"][..usize::from(fields)];
            known.reshape("Top", Some(shape(None, variables, fields)));
            known.reshape("Low", Some(shape(Some("Top"), &[], fields)));
            for side in sides.iter().chain(&sides) {
                let remembered = known.fields_of(side).expect("all shapes are known");
                let all = known.all_instance_variables(side);
                assert_eq!(Some(remembered.names.to_vec()), all, "{side}");
                assert_eq!(Some(remembered.shape), known.shape_of(side), "{side}");
            }
        }
        let [top, low] = ["Top", "Low"].map(|name| known.fields_of(&BehaviorName::class(name)));
        assert!(
            top.zip(low)
                .is_some_and(|(top, low)| Arc::ptr_eq(&top.names, &low.names)),
            "who adds nothing shares"
        );
        known.forget_class("Top");
        assert_eq!(known.fields_of(&BehaviorName::class("Low")), None);
    }
}
