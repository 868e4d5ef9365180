//! Objects as such: making, copying, classes, identities, enumeration, flags.
//!
//! Enumerations meet neither ghosts nor forwarders: the heap skips the latter, and a ghost is no
//! object in memory. They may meet objects that nobody refers to any more.

use imprint_heap::AllocationFailure;
use imprint_model::{ClassIndex, Format, InstanceSpec, Known, MethodHeader, Oop};

use super::arguments::{
    argument, boolean, check_writable, count, identity, known, new_array, object, object_receiver,
    present_class, receiver,
};
use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::machine::Vm;

// === making ===

/// `x @ y`.
///
/// # Errors
/// Where the image has no Point, or space is missing.
pub fn make_point(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let class = known(vm, Known::Point).ok_or(PrimitiveError::Unsupported)?;
    let point = instantiate(vm, class, 0)?;
    if vm.heap.slot_count(point) < 2 {
        return Err(PrimitiveError::Unsupported.into());
    }
    vm.heap.store(point, 0, args.receiver(vm));
    vm.heap.store(point, 1, args.get(vm, 0));
    Ok(point)
}

/// An instance of `class` with `indexed` elements.
///
/// # Errors
/// Bad receiver where the class has no such instances, no memory where they would be too large,
/// or space is missing.
pub fn instantiate(vm: &mut Vm, class: Oop, indexed: usize) -> Result<Oop, Failure> {
    vm.heap
        .instantiate(class, indexed)
        .map_err(allocation_failure)
}

fn allocation_failure(failure: AllocationFailure) -> Failure {
    match failure {
        AllocationFailure::NeedsSpace(space) => space.into(),
        AllocationFailure::NotIndexable | AllocationFailure::NotInstantiable => {
            PrimitiveError::BadReceiver.into()
        }
        AllocationFailure::TooLarge(_) => PrimitiveError::NoMemory.into(),
    }
}

fn class_receiver(vm: &Vm, args: Args) -> Result<Oop, Failure> {
    let class = object_receiver(vm, args)?;
    if vm.heap.instance_spec(class).is_some() {
        Ok(class)
    } else {
        Err(PrimitiveError::BadReceiver.into())
    }
}

/// `basicNew`.
///
/// # Errors
/// As [`instantiate`].
pub fn new_fixed(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    if let Some(object) = vm.heap.instantiate_quickly(args.receiver(vm), 0) {
        return Ok(object);
    }
    let class = class_receiver(vm, args)?;
    instantiate(vm, class, 0)
}

/// `basicNew:`.
///
/// # Errors
/// As [`instantiate`]; bad argument where the size is no SmallInteger or negative; bad receiver
/// where instances have no indexed part.
pub fn new_indexed(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let size = args.get(vm, 0).as_small_integer();
    let size = size.and_then(|size| usize::try_from(size).ok());
    if let Some(size) = size.filter(|size| *size > 0)
        && let Some(object) = vm.heap.instantiate_quickly(args.receiver(vm), size)
    {
        return Ok(object);
    }
    let class = class_receiver(vm, args)?;
    let indexed = checked_size(vm, args, class)?;
    instantiate(vm, class, indexed)
}

/// `basicNewTenured`.
///
/// # Errors
/// As [`instantiate`].
pub fn new_fixed_old(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let class = class_receiver(vm, args)?;
    vm.heap
        .instantiate_old(class, 0)
        .map_err(allocation_failure)
}

/// `basicNewTenured:`.
///
/// # Errors
/// As [`new_indexed`].
pub fn new_indexed_old(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let class = class_receiver(vm, args)?;
    let indexed = checked_size(vm, args, class)?;
    vm.heap
        .instantiate_old(class, indexed)
        .map_err(allocation_failure)
}

/// The size argument of `basicNew:`. One that the limit of the heap can never hold fails for good,
/// in place of asking for a collection that cannot help.
fn checked_size(vm: &Vm, args: Args, class: Oop) -> Result<usize, Failure> {
    let indexed = count(vm, args, 0)?;
    let is_indexable = |spec: InstanceSpec| spec.format().is_some_and(has_elements);
    if !vm.heap.instance_spec(class).is_some_and(is_indexable) {
        return Err(PrimitiveError::BadReceiver.into());
    }
    let (_, slots) = vm
        .heap
        .instance_shape(class, indexed)
        .map_err(allocation_failure)?;
    if slots.saturating_mul(8) > vm.heap.usage().limit_bytes {
        return Err(PrimitiveError::NoMemory.into());
    }
    Ok(indexed)
}

fn has_elements(format: Format) -> bool {
    format.is_indexable_pointers() || format.is_raw()
}

/// `basicNew: bytecodes header: header` of a class of compiled code: a method of as many literals
/// as the header says, all nil, and so many zero bytes for bytecodes and trailer.
///
/// # Errors
/// Bad receiver where it is no such class; bad argument where a size or the header is none; or
/// space is missing.
pub fn new_method(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let class = object_receiver(vm, args)?;
    let spec = vm.heap.instance_spec(class);
    if spec.and_then(InstanceSpec::format) != Some(Format::CODE) {
        return Err(PrimitiveError::BadReceiver.into());
    }
    let byte_count = count(vm, args, 0)?;
    let header = argument(vm, args, 1)?;
    let header = MethodHeader::from_oop(header).ok_or(PrimitiveError::BadArgument)?;
    if byte_count > vm.heap.usage().limit_bytes {
        return Err(PrimitiveError::NoMemory.into());
    }
    let class_index = class_index(vm, class);
    let bytes = vec![0; byte_count];
    Ok(vm.heap.allocate_code(class_index, header, &bytes)?)
}

/// `shallowCopy` of all objects but contexts: immediates are their own copy.
///
/// # Errors
/// Where space is missing.
pub fn clone(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = receiver(vm, args)?;
    if !receiver.is_object() {
        return Ok(receiver);
    }
    Ok(vm.heap.clone_shallow(receiver)?)
}

/// `copyFrom:`: copies all slots of an object of the same class and size; answers the receiver.
///
/// # Errors
/// Bad receiver, bad argument, no modification.
pub fn copy_from(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = object_receiver(vm, args)?;
    let source = object(vm, args, 0)?;
    if is_bound_to_machine(vm, receiver) {
        return Err(PrimitiveError::BadReceiver.into());
    }
    let (header, other) = (vm.heap.header(receiver), vm.heap.header(source));
    let same_class = header.class_index() == other.class_index();
    let same_size = vm.heap.slot_count(receiver) == vm.heap.slot_count(source);
    if !same_class || !same_size || header.format() != other.format() {
        return Err(PrimitiveError::BadArgument.into());
    }
    check_writable(vm, receiver)?;
    for index in 0..vm.heap.slot_count(receiver) {
        if header.format().is_pointers() {
            let value = vm.heap.slot(source, index);
            vm.heap.store(receiver, index, value);
        } else {
            let word = vm.heap.word(source, index);
            vm.heap.set_word(receiver, index, word);
        }
    }
    Ok(receiver)
}

/// What other parts of the machine hold views of: contexts, and compiled code.
fn is_bound_to_machine(vm: &Vm, oop: Oop) -> bool {
    vm.is_context(oop) || vm.heap.format(oop).is_code()
}

// === classes and identities ===

/// `==`. A ghost is identical to its object, once that has come.
///
/// # Errors
/// None.
pub fn is_identical(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let same = are_identical(vm, args);
    Ok(vm.heap.boolean(same))
}

/// `~~`.
///
/// # Errors
/// None.
pub fn is_not_identical(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let same = are_identical(vm, args);
    Ok(vm.heap.boolean(!same))
}

fn are_identical(vm: &Vm, args: Args) -> bool {
    identity(vm, args.receiver(vm)) == identity(vm, args.get(vm, 0))
}

/// `class`.
///
/// # Errors
/// A miss.
pub fn class_of(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = receiver(vm, args)?;
    present_class(vm, receiver)
}

/// `basicIdentityHash`: 22 bits, of a ghost those of the object it stands for.
///
/// # Errors
/// Bad receiver where it is an immediate.
pub fn identity_hash(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = identity(vm, args.receiver(vm));
    if let Some(ghost) = receiver.as_ghost() {
        return Ok(Oop::small(ghost.hash as i32));
    }
    if !receiver.is_object() {
        return Err(PrimitiveError::BadReceiver.into());
    }
    Ok(Oop::small(vm.heap.identity_hash(receiver) as i32))
}

/// `basicIdentityHash` of a behaviour: its class index, given now where it has none.
///
/// # Errors
/// Bad receiver where it is no behaviour.
pub fn behavior_hash(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let class = class_receiver(vm, args)?;
    Ok(Oop::small(class_index(vm, class) as i32))
}

/// The index of a class, given now where it has none.
pub(super) fn class_index(vm: &mut Vm, class: Oop) -> u32 {
    let hash = vm.heap.header(class).hash();
    if vm.heap.class_at(hash) == Some(class) {
        hash
    } else {
        vm.heap.enter_class(class, None)
    }
}

/// The greatest identity hash.
///
/// # Errors
/// None.
pub fn max_identity_hash(_: &mut Vm, _: Args) -> Result<Oop, Failure> {
    Ok(Oop::small(imprint_model::oop::HASH_MASK as i32))
}

/// `receiver primitiveChangeClassTo: other`: the receiver becomes an instance of the other's
/// class, of the same shape. Answers the receiver.
///
/// # Errors
/// Bad receiver or bad argument where the shapes differ, no modification.
pub fn change_class(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = object_receiver(vm, args)?;
    let other = object(vm, args, 0)?;
    let class = present_class(vm, other)?;
    adopt(vm, receiver, class)?;
    Ok(receiver)
}

/// `class adoptInstance: object`: the object becomes an instance of the class. Answers the class.
///
/// # Errors
/// Bad receiver or bad argument where the shapes differ, no modification.
pub fn adopt_instance(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let class = class_receiver(vm, args)?;
    let instance = object(vm, args, 0)?;
    adopt(vm, instance, class)?;
    Ok(class)
}

fn adopt(vm: &mut Vm, instance: Oop, class: Oop) -> Result<(), Failure> {
    let spec = vm
        .heap
        .instance_spec(class)
        .ok_or(PrimitiveError::BadReceiver)?;
    let class_index = class_index(vm, class);
    if is_bound_to_machine(vm, instance) || is_read_by_machine(class_index) {
        return Err(PrimitiveError::BadArgument.into());
    }
    let format = adopted_format(vm, instance, spec).ok_or(PrimitiveError::BadArgument)?;
    check_writable(vm, instance)?;
    let header = vm.heap.header(instance).with_class_index(class_index);
    vm.heap.set_header(instance, header.with_format(format));
    Ok(())
}

/// What the machine runs without asking what it holds; nothing else becomes one.
fn is_read_by_machine(class: u32) -> bool {
    matches!(class, ClassIndex::FULL_BLOCK_CLOSURE | ClassIndex::CONTEXT)
}

/// The format that an object gets as an instance of a class with `spec`; `None` where its slots
/// mean something else there.
fn adopted_format(vm: &Vm, instance: Oop, spec: InstanceSpec) -> Option<Format> {
    let old = vm.heap.format(instance);
    let new = spec.format()?;
    let slots = vm.heap.slot_count(instance);
    let fixed = usize::from(spec.fixed_fields);
    if new.is_indexable_pointers() {
        return (old.is_indexable_pointers() && fixed <= slots).then_some(new);
    }
    if new.is_pointers() {
        return (old.base() == new && fixed == slots).then_some(new);
    }
    let bytes = vm.heap.byte_count(instance);
    let fits = old.is_raw() && new.is_raw() && bytes.is_multiple_of(new.element_bytes());
    fits.then(|| new.sized(bytes).1)
}

/// `instVarsInclude:`: whether a slot of the receiver, or a literal of code, is the argument.
///
/// # Errors
/// Inappropriate for a context, whose slots may be on the stack; a miss.
pub fn points_to(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = receiver(vm, args)?;
    let thing = identity(vm, args.get(vm, 0));
    if !receiver.is_object() {
        return Ok(vm.heap.false_object());
    }
    if vm.is_context(receiver) {
        return Err(PrimitiveError::Inappropriate.into());
    }
    let slots = 0..vm.heap.pointer_slot_count(receiver);
    let found = slots
        .into_iter()
        .any(|index| identity(vm, vm.heap.slot(receiver, index)) == thing);
    Ok(vm.heap.boolean(found))
}

/// Integer to Character.
///
/// # Errors
/// Bad receiver where it is no SmallInteger or beyond 30 bits.
pub fn as_character(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let value = super::arguments::small_integer_receiver(vm, args)?;
    let code = u32::try_from(value).map_err(|_| PrimitiveError::BadReceiver)?;
    super::bytes::character(code)
}

/// Character to Integer; of a SmallFloat64 its bits without the tag, as Spur's does for hashing.
///
/// # Errors
/// Bad receiver where it is no immediate.
pub fn immediate_as_integer(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = receiver(vm, args)?;
    if receiver.is_object() {
        return Err(PrimitiveError::BadReceiver.into());
    }
    if receiver.is_small_integer() {
        return Ok(receiver);
    }
    let signed = receiver.bits() as i64 >> imprint_model::oop::TAG_BITS;
    Oop::small_integer(signed).ok_or(PrimitiveError::BadReceiver.into())
}

// === enumeration ===

/// `someInstance`.
///
/// # Errors
/// Not found where there is none, bad receiver where it is no class.
pub fn some_instance(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let class = class_receiver(vm, args)?;
    let class_index = vm.heap.header(class).hash();
    let first = vm.heap.first_object();
    instance_from(vm, first, class_index)
}

/// `nextInstance`: the instance of the same class after the receiver in memory.
///
/// # Errors
/// Not found where there is none, bad receiver where it is an immediate.
pub fn next_instance(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = object_receiver(vm, args)?;
    let class_index = vm.heap.class_index_of(receiver);
    let next = vm.heap.next_object(receiver);
    instance_from(vm, next, class_index)
}

fn instance_from(vm: &Vm, first: Option<Oop>, class_index: u32) -> Result<Oop, Failure> {
    std::iter::successors(first, |oop| vm.heap.next_object(*oop))
        .find(|oop| vm.heap.class_index_of(*oop) == class_index)
        .ok_or(PrimitiveError::NotFound.into())
}

/// The first object in memory.
///
/// # Errors
/// Not found in an empty heap.
pub fn some_object(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    vm.heap
        .first_object()
        .ok_or(PrimitiveError::NotFound.into())
}

/// The object after the receiver in memory; 0 after the last, as in Pharo.
///
/// # Errors
/// Bad receiver where it is an immediate.
pub fn next_object(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = object_receiver(vm, args)?;
    Ok(vm.heap.next_object(receiver).unwrap_or(Oop::small(0)))
}

/// `allInstances`: an Array.
///
/// # Errors
/// Bad receiver where it is no class, or space is missing.
pub fn all_instances(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let class = class_receiver(vm, args)?;
    let class_index = vm.heap.header(class).hash();
    if class_index == 0 || vm.heap.class_at(class_index) != Some(class) {
        return new_array(vm, &[]);
    }
    let instances = vm.heap.instances_of(class_index);
    new_array(vm, &instances)
}

/// All objects: an Array.
///
/// # Errors
/// Where space is missing.
pub fn all_objects(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    let objects = vm.heap.all_objects();
    new_array(vm, &objects)
}

// === the memory ===

/// The special objects array.
///
/// # Errors
/// None.
pub fn special_objects(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    Ok(vm.heap.special_objects())
}

/// Bytes that old space may still take.
///
/// # Errors
/// None.
pub fn bytes_left(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    let usage = vm.heap.usage();
    Ok(Oop::index(
        usage.limit_bytes.saturating_sub(usage.old_bytes),
    ))
}

/// Bytes of an instance of the receiver, with as many elements as the argument says.
///
/// # Errors
/// Bad receiver where it is no class with such instances, bad argument.
pub fn byte_size_of_instance(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let class = class_receiver(vm, args)?;
    let indexed = match args.count() {
        0 => 0,
        _ => count(vm, args, 0)?,
    };
    let (_, slots) = vm
        .heap
        .instance_shape(class, indexed)
        .map_err(allocation_failure)?;
    Ok(Oop::index(imprint_heap::Heap::bytes_for(slots)))
}

/// `isReadOnlyObject`: immediates always are.
///
/// # Errors
/// A miss.
pub fn is_read_only(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = receiver(vm, args)?;
    Ok(vm.heap.boolean(vm.heap.is_read_only(receiver)))
}

/// `setIsReadOnlyObject:`: answers what it was before. What the machine itself writes into
/// (contexts, processes' lists) refuses.
///
/// # Errors
/// Bad receiver, bad argument.
pub fn set_read_only(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = object_receiver(vm, args)?;
    let on = boolean(vm, args, 0)?;
    if vm.is_context(receiver) {
        return Err(PrimitiveError::Inappropriate.into());
    }
    let before = vm.heap.is_read_only(receiver);
    vm.heap.set_read_only(receiver, on);
    Ok(vm.heap.boolean(before))
}

/// `isPinnedInMemory`.
///
/// # Errors
/// Bad receiver where it is an immediate.
pub fn is_pinned(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = object_receiver(vm, args)?;
    Ok(vm.heap.boolean(vm.heap.is_pinned(receiver)))
}

/// `setPinnedInMemory:`: answers what it was before. A young object is refused until it is old.
///
/// # Errors
/// Bad receiver, bad argument; object may move where it is young.
pub fn pin(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let receiver = object_receiver(vm, args)?;
    let on = boolean(vm, args, 0)?;
    let before = vm.heap.is_pinned(receiver);
    if !on {
        vm.heap.unpin(receiver);
    } else if !vm.heap.pin(receiver) {
        return Err(PrimitiveError::MayMove.into());
    }
    Ok(vm.heap.boolean(before))
}
