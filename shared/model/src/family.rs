//! Families of images: where Pharo, Squeak, Cuis and their forebears keep what a virtual machine or
//! a builder reads raw from a class.
//!
//! ```text
//!             0           1           2       3                  4             5           6
//!   Pharo     superclass  methodDict  format  layout             protocols     subclasses  name
//!   Squeak    superclass  methodDict  format  instanceVariables  organization  subclasses  name
//!   Squeak 2  superclass  methodDict  format  subclasses         variables     organiz.    name
//! ```
//!
//! In all of them the name is slot 6 and the pool of class variables slot 7; a metaclass ends with
//! its only instance, in slot 5 or (Squeak 2) 6.

/// Where a class says which instance variables it has of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum VariablesAt {
    /// In the slots of a layout object.
    Layout,
    /// In an Array of Strings, or nil, in this slot.
    Names(usize),
}

/// Whose meaning the numbers of primitives have that mean different things in different machines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Numbering {
    /// As in Pharo's machine.
    Pharo,
    /// As in the machine of Squeak and Cuis.
    Squeak,
}

/// What the classes of a family look like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Family {
    /// Its name, for people.
    pub name: &'static str,
    /// The slot of a metaclass with its only instance.
    pub this_class: usize,
    /// The slot of a class with its direct subclasses.
    pub subclasses: usize,
    /// Where own instance variables are named.
    pub variables: VariablesAt,
    /// Fewest slots of a class.
    pub class_slots_min: usize,
    /// The slot with the package tag, where classes have one.
    pub package_tag: Option<usize>,
    /// What its primitives' numbers mean.
    pub numbering: Numbering,
}

/// Pharo of today, and the images that are built here.
pub const PHARO: Family = Family {
    name: "Pharo",
    this_class: 5,
    subclasses: 5,
    variables: VariablesAt::Layout,
    class_slots_min: 12,
    package_tag: Some(11),
    numbering: Numbering::Pharo,
};

/// Pharo before packages were told by tags.
pub const PHARO_BEFORE_TAGS: Family = Family {
    name: "Pharo before 12",
    class_slots_min: 9,
    package_tag: None,
    ..PHARO
};

/// Squeak from 3 on, and Cuis.
pub const SQUEAK: Family = Family {
    name: "Squeak or Cuis",
    this_class: 5,
    subclasses: 5,
    variables: VariablesAt::Names(3),
    class_slots_min: 9,
    package_tag: None,
    numbering: Numbering::Squeak,
};

/// Squeak 2.
pub const SQUEAK_2: Family = Family {
    name: "Squeak 2",
    this_class: 6,
    subclasses: 3,
    variables: VariablesAt::Names(4),
    class_slots_min: 9,
    package_tag: None,
    numbering: Numbering::Squeak,
};

impl Default for Family {
    fn default() -> Family {
        PHARO
    }
}
