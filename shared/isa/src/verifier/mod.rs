//! Looks at a draft before anybody installs it: what passes cannot lead the machine outside of its
//! frame, its literals or its own objects, whoever sent it.
//!
//! ```text
//! verify ── draft   names, formats, duplicates                       (this file)
//!        ── locals  references in range, format and contents agree   (this file)
//!        ── code    literals of structure, blocks and their entries  (code.rs)
//!            └── flow   every path once: operands, temporaries, vectors, jumps, returns
//! ```
//!
//! Who verifies a draft long before its class is there keeps the proof: [`Verified`].
//!
//! The machine reads temp vectors without looking at them, so the flow follows which temporary
//! surely holds one, and of which size; only of a block that is pulled apart from its method the
//! copied values are taken on trust. It does not follow classes or other values: a send checks its
//! receiver by itself. A primitive that this program does not know passes, since it fails and
//! the code behind it runs, as on every Spur machine; and nothing is checked of an image in which
//! reflection writes into running contexts.

mod code;
mod flow;
mod rule;
#[cfg(test)]
mod tests;
mod verified;

use std::collections::HashSet;

use imprint_model::{ClassIndex, Format, InstanceSpec};

use crate::draft::{
    Body, ClassDraft, Draft, LocalObject, MetaDraft, MethodDraft, MethodEntry, Name, ObjectDraft,
    Ref,
};
pub use rule::{Place, Rejection, Rule};
pub use verified::Verified;

/// Verifies a draft. `fields` is the number of instance variables of the behaviour that a method
/// goes to, inherited ones included; `None` where the caller does not know it, and then the
/// instance variables that the code names are not checked.
///
/// # Errors
/// The first rule that the draft breaks, and where.
pub fn verify(draft: &Draft, fields: Option<usize>) -> Result<(), Rejection> {
    fields_named(draft, fields).map(drop)
}

/// As [`verify`]; answers how many instance variables the behaviour must have at least.
fn fields_named(draft: &Draft, fields: Option<usize>) -> Result<usize, Rejection> {
    let checked = match draft {
        Draft::Class(class) => verify_class(class).map(|()| 0),
        Draft::Meta(meta) => verify_meta(meta).map(|()| 0),
        Draft::Method(method) => verify_method(method, fields),
        Draft::Object(object) => verify_object(object).map(|()| 0),
    };
    checked.map_err(|(place, rule)| Rejection {
        title: draft.to_string(),
        place,
        rule,
    })
}

/// As [`verify`], of a method alone.
///
/// # Errors
/// As [`verify`].
pub fn verify_method_draft(
    method: &MethodDraft,
    fields: Option<usize>,
) -> Result<(), Box<Rejection>> {
    let checked = verify_method(method, fields);
    checked
        .map(drop)
        .map_err(|broken| rejection(method.to_string(), broken))
}

/// As [`verify`], of a class alone.
///
/// # Errors
/// As [`verify`].
pub fn verify_class_draft(class: &ClassDraft) -> Result<(), Box<Rejection>> {
    verify_class(class).map_err(|broken| rejection(class.name.to_string(), broken))
}

/// As [`verify`], of objects alone.
///
/// # Errors
/// As [`verify`].
pub fn verify_object_draft(object: &ObjectDraft) -> Result<(), Box<Rejection>> {
    verify_object(object).map_err(|broken| rejection(object.to_string(), broken))
}

fn rejection(title: String, (place, rule): (Place, Rule)) -> Box<Rejection> {
    Box::new(Rejection { title, place, rule })
}

/// What one check says: nothing, or the place and the rule.
type Checked = Result<(), (Place, Rule)>;

fn rule<T>(rule: Rule) -> Result<T, (Place, Rule)> {
    Err((Place::Draft, rule))
}

fn verify_class(class: &ClassDraft) -> Checked {
    check_name("class", &class.name)?;
    if class.superclass.as_ref() == Some(&class.name) {
        return rule(Rule::OwnSuperclass);
    }
    check_spec(class.instance_spec)?;
    check_variables(&class.instance_variables)?;
    if class.instance_variables.len() > usize::from(class.instance_spec.fixed_fields) {
        return rule(Rule::FieldCount {
            fields: class.instance_spec.fixed_fields,
            variables: class.instance_variables.len(),
        });
    }
    check_variables(&class.class_variables)?;
    check_unique("pool", class.pools.iter())?;
    check_entries(&class.methods)?;
    check_free_references(&class.slots)?;
    match &class.meta {
        Some(meta) if meta.name != class.name => rule(Rule::OtherClassSide(meta.name.clone())),
        Some(meta) => verify_meta(meta),
        None => Ok(()),
    }
}

fn verify_meta(meta: &MetaDraft) -> Checked {
    check_name("class", &meta.name)?;
    if meta.superclass.meta && meta.superclass.class == meta.name {
        return rule(Rule::OwnSuperclass);
    }
    check_variables(&meta.instance_variables)?;
    if meta.instance_variables.len() > usize::from(meta.class_slots) {
        return rule(Rule::FieldCount {
            fields: meta.class_slots,
            variables: meta.instance_variables.len(),
        });
    }
    check_entries(&meta.methods)?;
    check_free_references(&meta.slots)
}

fn verify_method(method: &MethodDraft, fields: Option<usize>) -> Result<usize, (Place, Rule)> {
    check_selector(&method.selector)?;
    check_locals(&method.locals, true)?;
    code::verify(method, fields)
}

fn verify_object(object: &ObjectDraft) -> Checked {
    let is_findable = match &object.root {
        Ref::Local(index) => *index == 0 && !object.locals.is_empty(),
        Ref::SmallInteger(_) | Ref::Character(_) | Ref::SmallFloat(_) => false,
        Ref::OwnMethod | Ref::Master(_) => false,
        _ => true,
    };
    if !is_findable {
        return rule(Rule::Root);
    }
    check_locals(&object.locals, false)?;
    code::verify_locals(&object.locals)
}

fn check_name(what: &'static str, name: &str) -> Checked {
    if name.is_empty() || name.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return rule(Rule::Name {
            what,
            name: name.into(),
        });
    }
    Ok(())
}

fn check_selector(selector: &str) -> Checked {
    check_name("selector", selector)
}

fn check_variables(names: &[Name]) -> Checked {
    for name in names {
        check_name("variable", name)?;
    }
    check_unique("variable", names.iter())
}

fn check_unique<'n>(what: &'static str, names: impl Iterator<Item = &'n Name>) -> Checked {
    let mut seen = HashSet::new();
    for name in names {
        if !seen.insert(name) {
            return rule(Rule::Duplicate {
                what,
                name: name.clone(),
            });
        }
    }
    Ok(())
}

fn check_entries(entries: &[MethodEntry]) -> Checked {
    for entry in entries {
        check_selector(&entry.selector)?;
    }
    check_unique("selector", entries.iter().map(|entry| &entry.selector))
}

fn check_spec(spec: InstanceSpec) -> Checked {
    let is_known = match spec.format() {
        None => spec.fixed_fields == 0,
        Some(format) if format.is_forwarder() || !format.is_known() => false,
        Some(format) if format.base() != format => false,
        Some(format) if format.is_pointers() => true,
        Some(_) => spec.fixed_fields == 0,
    };
    if is_known {
        Ok(())
    } else {
        rule(Rule::InstanceSpec(spec))
    }
}

/// References where nothing travels along.
fn check_free_references(references: &[Ref]) -> Checked {
    references
        .iter()
        .try_for_each(|reference| check_reference(reference, 0, false))
}

fn check_locals(locals: &[LocalObject], in_method: bool) -> Checked {
    for (index, local) in locals.iter().enumerate() {
        check_local(local, locals.len(), in_method)
            .map_err(|(_, rule)| (Place::Local(index), rule))?;
    }
    Ok(())
}

fn check_local(local: &LocalObject, count: usize, in_method: bool) -> Checked {
    let is_class = |class: &Ref| match class {
        Ref::SmallInteger(index) => (1..i64::from(ClassIndex::LIMIT)).contains(index),
        class => matches!(class, Ref::Class(_) | Ref::Known(_) | Ref::Master(_)),
    };
    if !is_class(&local.class) {
        return rule(Rule::LocalClass);
    }
    let format = local.format;
    let is_whole = format.is_known() && format.base() == format && !format.is_forwarder();
    let agrees = match &local.body {
        Body::Slots(slots) => format.is_pointers() && (format != Format::EMPTY || slots.is_empty()),
        Body::Bytes(bytes) => {
            format.is_raw() && !format.is_code() && bytes.len() % format.element_bytes() == 0
        }
        Body::Code(_) => format.is_code(),
    };
    if !is_whole || !agrees {
        return rule(Rule::LocalFormat(format.bits()));
    }
    let references = match &local.body {
        Body::Slots(slots) => slots.as_slice(),
        Body::Code(code) => code.literals.as_slice(),
        Body::Bytes(_) => &[],
    };
    references
        .iter()
        .try_for_each(|reference| check_reference(reference, count, in_method))
}

fn check_reference(reference: &Ref, locals: usize, in_method: bool) -> Checked {
    match reference {
        Ref::Local(index) if *index as usize >= locals => rule(Rule::LocalIndex(*index)),
        Ref::OwnMethod if !in_method => rule(Rule::OwnMethod),
        _ => Ok(()),
    }
}
