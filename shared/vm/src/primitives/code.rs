//! The code primitives of module `ImprintPlugin`: what needs a compiler, sources or a log, which
//! only the outside has.

use imprint_heap::NeedsSpace;
use imprint_isa::{BehaviorName, CompileRequest, Draft, Placed, Surroundings};
use imprint_model::Oop;
use imprint_model::layout::behavior;

use super::arguments::{
    aligned, argument, new_text, object_receiver, present_class, receiver, text,
};
use super::objects::class_index;
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::install::{InstallError, MethodDictionary, Names, lineage, source_pointer_in};
use crate::machine::Vm;

/// Activations that a stack is told with.
const STACK_MAX: usize = 40;

/// Room for the Symbol of a selector.
const SELECTOR_BYTES: usize = 4096;

/// `behavior primitiveCompile: source protocol: protocol`: has a method compiled, installs it,
/// answers its selector.
///
/// # Errors
/// A String with the diagnostics as error object where it does not compile or cannot be installed;
/// bad receiver where it is no behaviour, bad argument where a text is none.
pub fn compile(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let args = aligned(args, 2, 2)?;
    let class = object_receiver(vm, args)?;
    let behavior = vm.named_behavior(class);
    let behavior = behavior.filter(|_| vm.heap.instance_spec(class).is_some());
    let behavior = behavior.ok_or(PrimitiveError::BadReceiver)?;
    let source = text(vm, args, 0)?;
    let protocol = text(vm, args, 1)?;
    // Space for the answer comes first: what is installed cannot be taken back.
    vm.heap.reserve(SELECTOR_BYTES)?;
    let request = CompileRequest {
        surroundings: surroundings(vm, class, &behavior, &source),
        behavior,
        source,
        protocol,
        is_expression: false,
    };
    let fields = vm
        .heap
        .instance_spec(class)
        .map_or(0, |spec| spec.fixed_fields);
    if request.surroundings.instance_variables.len() > usize::from(fields) {
        // Whoever changed the class left its instances too short for the code.
        let sentence = format!("{} names more variables than it has", request.behavior);
        return Err(error_text(vm, &sentence));
    }
    let draft = match vm.outside.compile(request, &vm.names) {
        Ok(draft) => draft,
        Err(diagnostics) => return Err(error_text(vm, &diagnostics)),
    };
    let selector = draft.selector.clone();
    match vm.install(&Placed::nowhere(Draft::Method(draft))) {
        Ok(_) => Ok(vm.heap.intern(&selector)?),
        Err(InstallError::NeedsSpace(bytes)) => Err(NeedsSpace { bytes }.into()),
        Err(InstallError::Missing { miss, .. }) => Err(Failure::Miss(miss)),
        Err(refused) => Err(error_text(vm, &refused.to_string())),
    }
}

/// What names mean in the methods of a class.
///
/// A class that the image made or changed by itself is not in the register of names, or with other
/// variables; where everything is in the heap the register is then made anew.
fn surroundings(vm: &mut Vm, class: Oop, behavior: &BehaviorName, source: &str) -> Surroundings {
    // A class that has no instances yet is in no table.
    for class in lineage(&vm.heap, class) {
        class_index(vm, class);
    }
    class_index(vm, class);
    let count = vm
        .heap
        .instance_spec(class)
        .map_or(0, |spec| usize::from(spec.fixed_fields));
    // Another class may have had this name before.
    let is_registered = vm.names.behavior(&vm.heap, behavior) == Some(class);
    let known = vm.names.all_instance_variables(behavior);
    let is_known = is_registered && known.is_some_and(|names| names.len() == count);
    if vm.presence.is_empty() {
        if !is_known {
            vm.names = Names::scan(&vm.heap);
        }
    } else {
        vm.names.renew(&vm.heap, class);
    }
    vm.names.surroundings(behavior, source)
}

/// A failure whose error object is a String; where that has no space, the lack of it.
fn error_text(vm: &mut Vm, text: &str) -> Failure {
    match new_text(vm, text) {
        Ok(string) => PrimitiveError::Object(string).into(),
        Err(failure) => failure,
    }
}

/// The source of a method, or nil where nobody knows it.
///
/// # Errors
/// Bad receiver where it is no method with a selector, or space is missing.
pub fn method_source(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (behavior, selector, pointer) = text_place(vm, args)?;
    let source = vm.outside.method_source(&behavior, &selector, pointer);
    match source {
        Some(source) => new_text(vm, &source),
        None => Ok(vm.heap.nil()),
    }
}

/// Who wrote a method, and when: author, date and time; empty where nobody says it.
///
/// # Errors
/// As [`method_source`].
pub fn method_stamp(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (behavior, selector, pointer) = text_place(vm, args)?;
    let stamp = vm.outside.method_stamp(&behavior, &selector, pointer);
    new_text(vm, &stamp.unwrap_or_default())
}

/// What the receiver's text is known by: class, selector, and what its trailer says.
fn text_place(vm: &Vm, args: Args) -> Result<(BehaviorName, String, u64), Failure> {
    let args = aligned(args, 0, 0)?;
    let method = object_receiver(vm, args)?;
    if !vm.heap.format(method).is_code() || vm.heap.literal_count(method) < 2 {
        return Err(PrimitiveError::BadReceiver.into());
    }
    let class = vm.class_of_method(vm.home_method(method));
    let selector = vm
        .selector_of(method)
        .and_then(|selector| vm.heap.string_text(selector))
        .ok_or(PrimitiveError::BadReceiver)?;
    let pointer = source_pointer_in(&vm.heap, &vm.names, method);
    Ok((vm.behavior_name(class), selector, pointer))
}

/// `stackTextOf: context`: the activations from a context on, a line each: its name, and behind a tab
/// how far its code has run and the literals that lead to its block.
///
/// # Errors
/// Bad argument where it is no context, or space is missing.
pub fn stack_text(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let context = argument(vm, args, 0)?;
    if !vm.is_context(context) {
        return Err(PrimitiveError::BadArgument.into());
    }
    let mut text = String::new();
    for activation in vm.activations(context, STACK_MAX) {
        text.push_str(&format!("{activation}\t{}", activation.offset));
        for literal in &activation.path {
            text.push_str(&format!(" {literal}"));
        }
        text.push('\n');
    }
    new_text(vm, &text)
}

/// `noteReached: selector in: receiver`: has the outside count and log what is about to be
/// signalled. Answers the class whose dictionary holds no method for the selector.
///
/// # Errors
/// Bad argument where the selector is no text.
pub fn pruned(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let selector = argument(vm, args, 0)?;
    let selector_text = text(vm, args, 0)?;
    let target = argument(vm, args, 1)?;
    let class = owner_of_tombstone(vm, present_class(vm, target)?, selector);
    let behavior = vm.behavior_name(class);
    vm.outside.pruned(&behavior, &selector_text);
    Ok(class)
}

/// The first class, from `class` upwards, in whose dictionary something other than a method stands
/// for the selector; `class` itself where there is none.
fn owner_of_tombstone(vm: &Vm, class: Oop, selector: Oop) -> Oop {
    let mut at = vm.heap.follow(class);
    while at != vm.heap.nil() {
        let dictionary = vm
            .heap
            .follow(vm.heap.slot(at, behavior::METHOD_DICTIONARY));
        if dictionary == vm.heap.nil() {
            break;
        }
        let value = MethodDictionary(dictionary).at(&vm.heap, selector);
        if value.is_some_and(|value| !value.is_object() || !vm.heap.format(value).is_code()) {
            return at;
        }
        at = vm.heap.follow(vm.heap.slot(at, behavior::SUPERCLASS));
    }
    class
}

/// `noteReached: name`: the same for a class or an object; the name may be nil.
///
/// # Errors
/// Bad argument where the name is neither text nor nil.
pub fn pruned_object(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let is_nameless = argument(vm, args, 0)? == vm.heap.nil();
    let name = (!is_nameless).then(|| text(vm, args, 0)).transpose()?;
    vm.outside.pruned_object(name.as_deref());
    receiver(vm, args)
}

/// `noteUnhandled`: nobody handled what was signalled for something pruned. Answers the receiver.
///
/// # Errors
/// None.
pub fn pruned_unhandled(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    vm.outside.pruned_unhandled();
    receiver(vm, args)
}
