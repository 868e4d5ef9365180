//! Sends, methods and primitives that are chosen at run time.

use imprint_isa::Miss;
use imprint_isa::primitives::is_assigned;
use imprint_model::method_header::ARGUMENTS_MAX;
use imprint_model::{ClassIndex, Oop};

use super::{control_primitive, fail};
use crate::args::Args;
use crate::cache::Entry;
use crate::failure::{Failure, PrimitiveError};
use crate::lookup::Lookup;
use crate::machine::Vm;
use crate::primitives::value_primitive;
use crate::send;
use crate::stop::Stop;

/// The elements of an Array of arguments; `None` where it is none, or has too many.
pub(super) fn argument_array(vm: &Vm, array: Oop) -> Result<Option<Vec<Oop>>, Failure> {
    let array = vm.identity(array);
    if let Some(ghost) = array.as_ghost() {
        return Err(Miss::Object(ghost).into());
    }
    if vm.heap.class_index_of(array) != ClassIndex::ARRAY
        || vm.heap.slot_count(array) > ARGUMENTS_MAX
    {
        return Ok(None);
    }
    let count = vm.heap.slot_count(array);
    Ok(Some(
        (0..count).map(|index| vm.heap.slot(array, index)).collect(),
    ))
}

/// `perform:` with up to four arguments.
pub(super) fn perform(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let selector = selector_argument(vm, args.get(vm, 0))?;
    let mut operands = vec![args.receiver(vm)];
    operands.extend((1..args.count()).map(|index| args.get(vm, index)));
    send(vm, args, selector, &operands, None)
}

/// `perform:withArguments:`.
pub(super) fn perform_with_arguments(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let selector = selector_argument(vm, args.get(vm, 0))?;
    let operands = receiver_and_array(vm, args, 1)?;
    send(vm, args, selector, &operands, None)
}

/// `perform:withArguments:inSuperclass:`.
pub(super) fn perform_in_superclass(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let selector = selector_argument(vm, args.get(vm, 0))?;
    let class = vm.identity(args.get(vm, 2));
    let is_class = class.is_object() && vm.heap.looks_like_behavior(class);
    if !is_class || !vm.is_above(class, args.receiver(vm)) {
        return fail(PrimitiveError::BadArgument);
    }
    let operands = receiver_and_array(vm, args, 1)?;
    send(vm, args, selector, &operands, Some(class))
}

fn receiver_and_array(vm: &Vm, args: Args, index: usize) -> Result<Vec<Oop>, Failure> {
    let Some(arguments) = argument_array(vm, args.get(vm, index))? else {
        return fail(PrimitiveError::BadArgument);
    };
    let mut operands = vec![args.receiver(vm)];
    operands.extend(arguments);
    Ok(operands)
}

fn selector_argument(vm: &Vm, oop: Oop) -> Result<Oop, Failure> {
    let selector = vm.identity(oop);
    if selector.is_object() {
        Ok(selector)
    } else {
        fail(PrimitiveError::BadArgument)
    }
}

/// Sends a message whose receiver and arguments are given, in place of the primitive's operands.
fn send(
    vm: &mut Vm,
    args: Args,
    selector: Oop,
    operands: &[Oop],
    class: Option<Oop>,
) -> Result<(), Failure> {
    let count = operands.len() - 1;
    let class_index = match class {
        Some(class) => vm.heap.ensure_class_index(class),
        None => vm.heap.class_index_of(operands[0]),
    };
    let before = vm.operands(args);
    vm.replace_operands(args, operands);
    let result = match vm.cached(selector, class_index) {
        Some(entry) if takes(vm, entry.method, count) => Ok((entry, count)),
        _ => vm.find_performed(selector, class_index, count),
    };
    let (entry, count) = match result {
        Ok(found) => found,
        Err(failure) => {
            vm.replace_operands(args, &before);
            return Err(failure);
        }
    };
    run(vm, args, &before, &entry, count)
}

fn takes(vm: &Vm, method: Oop, arguments: usize) -> bool {
    vm.heap
        .method_header(method)
        .is_some_and(|header| usize::from(header.argument_count) == arguments)
}

/// Does what an entry says; the operands it needs are on the stack.
fn run(
    vm: &mut Vm,
    args: Args,
    before: &[Oop],
    entry: &Entry,
    count: usize,
) -> Result<(), Failure> {
    if let Err(stop) = vm.make_room() {
        vm.replace_operands(args, before);
        return vm.stopped(Err(stop));
    }
    let mut r = vm.stack.load();
    let flow = send::activate(vm, &mut r, entry, count, 0);
    if flow.is_continue() {
        vm.stack.save(&r);
    } else if vm.pending_stop.as_ref().is_some_and(Stop::restarts) {
        vm.replace_operands(args, before);
    }
    Ok(())
}

impl Vm {
    fn cached(&self, selector: Oop, class_index: u32) -> Option<Entry> {
        let entry = self.cache.probe(selector, class_index);
        entry.is_for(selector, class_index).then_some(*entry)
    }

    /// As `find`; a method that wants another number of arguments is a failure of the primitive.
    fn find_performed(
        &mut self,
        selector: Oop,
        class_index: u32,
        count: usize,
    ) -> Result<(Entry, usize), Failure> {
        if let Some(class) = self.heap.class_at(class_index) {
            let lookup = self
                .lookup(selector, class)
                .map_err(|stop| self.refuse(stop))?;
            let is_wrong = matches!(lookup, Lookup::Method(method) if !takes(self, method, count));
            if is_wrong {
                return fail(PrimitiveError::BadNumberOfArguments);
            }
        }
        let found = self
            .find(selector, class_index, count)
            .map_err(|stop| self.refuse(stop))?;
        Ok((found.entry, found.arguments))
    }

    /// A stop as a failure; what is none ends the run at the next bytecode.
    fn refuse(&mut self, stop: Stop) -> Failure {
        match stop {
            Stop::NeedsSpace(space) => Failure::NeedsSpace(space),
            Stop::Miss(miss) => Failure::Miss(miss),
            _ => Failure::Code(PrimitiveError::Inappropriate),
        }
    }
}

/// `withArgs:executeMethod:`.
pub(super) fn execute_method(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let method = vm.identity(args.get(vm, 1));
    if let Some(ghost) = method.as_ghost() {
        return Err(Miss::Object(ghost).into());
    }
    if !method.is_object() || !vm.heap.format(method).is_code() {
        return fail(PrimitiveError::BadArgument);
    }
    let operands = receiver_and_array(vm, args, 0)?;
    let count = operands.len() - 1;
    if !takes(vm, method, count) {
        return fail(PrimitiveError::BadNumberOfArguments);
    }
    if !vm.runs_on(method, operands[0]) {
        return fail(PrimitiveError::BadReceiver);
    }
    let entry = vm
        .entry_of(vm.heap.nil(), 0, method, count)
        .map_err(|stop| vm.refuse(stop))?;
    vm.touch(method);
    let before = vm.operands(args);
    vm.replace_operands(args, &operands);
    run(vm, args, &before, &entry, count)
}

/// A named primitive that nobody offers.
pub(super) fn external_call(_: &mut Vm, _: Args) -> Result<(), Failure> {
    fail(PrimitiveError::NotFound)
}

/// `tryPrimitive:withArgs:`: value primitives only, and those control primitives that need no more
/// than their operands.
pub(super) fn do_primitive(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let number = args
        .get(vm, 0)
        .as_small_integer()
        .and_then(|number| u16::try_from(number).ok());
    let Some(number) = number else {
        return fail(PrimitiveError::BadArgument);
    };
    if !is_assigned(number, vm.names.family.numbering) {
        return fail(PrimitiveError::Unsupported);
    }
    let operands = receiver_and_array(vm, args, 1)?;
    match (value_primitive(number), control_primitive(number)) {
        (Some(primitive), _) => {
            let value = vm.call_above(&operands, primitive)?;
            vm.answer(args, value);
            Ok(())
        }
        (None, Some(primitive)) => {
            let before = vm.operands(args);
            vm.replace_operands(args, &operands);
            let result = primitive(vm, Args::new(args.base(), operands.len() - 1));
            let restarts = vm.pending_stop.as_ref().is_some_and(Stop::restarts);
            if result.is_err() || restarts {
                vm.replace_operands(args, &before);
            }
            result
        }
        (None, None) => fail(PrimitiveError::Unsupported),
    }
}

/// `tryNamedPrimitiveIn:for:withArgs:`: the receiver is a context of the simulator.
pub(super) fn do_named_primitive(vm: &mut Vm, args: Args) -> Result<(), Failure> {
    let method = vm.identity(args.get(vm, 0));
    if !method.is_object() || !vm.heap.format(method).is_code() {
        return fail(PrimitiveError::BadArgument);
    }
    let name = vm.named_primitive_of(method);
    let primitive = name.and_then(|(module, name)| vm.modules.find(&module, &name));
    let Some(primitive) = primitive else {
        return fail(PrimitiveError::NotFound);
    };
    let mut operands = receiver_and_array(vm, args, 2)?;
    operands[0] = args.get(vm, 1);
    let value = vm.call_above(&operands, primitive.function)?;
    vm.answer(args, value);
    Ok(())
}

impl Vm {
    /// Calls a value primitive with operands pushed above everything, and pops them again.
    fn call_above(
        &mut self,
        operands: &[Oop],
        primitive: crate::args::Primitive,
    ) -> Result<Oop, Failure> {
        let page = self.stack.active();
        let first = self.stack.top_index(page) + 1;
        operands.iter().for_each(|oop| self.stack.push(page, *oop));
        let result = primitive(self, Args::new(first, operands.len() - 1));
        self.stack.drop_words(page, operands.len());
        result
    }
}
