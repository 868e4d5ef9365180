//! The quick way through the bytecodes: one small function for each, which ends by calling the
//! function of the next.
//!
//! ```text
//!   run ──> push_temp::<3> ──> add ──> pop_temp::<1> ──> jump_back ──> ... ──> leave
//!    ▲                                                                          │
//!    └──── dispatch::step, the whole meaning of every bytecode, does one <──────┘
//! ```
//!
//! Every function here has the same five parameters, which the calling convention puts into
//! registers of the processor: so the machine's registers live there from bytecode to bytecode. The
//! call at the end of each is a jump, since nothing of the caller is needed any more; each has a
//! branch of its own to predict, and its operand is a constant of its code. That the call becomes a
//! jump is up to the optimiser, at every level but 0, as long as a function calls nothing else and
//! gives nobody an address of its own. Where it did not, the stack would grow until the next look
//! at the world is due, which always leaves.
//!
//! Where two bytecodes mostly follow each other, the first does both: a small constant and its sum,
//! an operation and the temporary that keeps it, two temporaries, a store as a statement.
//!
//! A function here does its bytecode completely, or changes nothing and leaves it to `dispatch`. So
//! what a bytecode means is said once, there and in `handlers`; here stands only what is worth
//! being quick about.

use imprint_isa::special_selectors::SPECIAL_SELECTORS;
use imprint_model::Oop;

use crate::handlers::{arithmetic, closure, floats, jump, push, returns, special, store};
use crate::machine::Vm;
use crate::send;
use crate::sites;
use crate::stack::{Frame, Registers};

/// The function of a bytecode. Its parameters are the machine and its registers: pc, sp, fp, base.
type Thread = fn(&mut Vm, *const u8, *mut Oop, *mut Frame, *mut Oop);

/// Runs bytecodes from here until one is met that the quick way does not do; answers where.
#[inline(always)]
pub(crate) fn run(vm: &mut Vm, r: Registers) -> Registers {
    go(vm, r);
    vm.stack.load()
}

#[inline(always)]
fn go(vm: &mut Vm, r: Registers) {
    THREADS[usize::from(r.byte(0))](vm, r.pc, r.sp, r.fp, r.base);
}

/// Leaves a bytecode that is rare, or that the quick way could not do, to `dispatch`.
fn leave(vm: &mut Vm, pc: *const u8, sp: *mut Oop, fp: *mut Frame, base: *mut Oop) {
    vm.stack.save(&Registers { pc, sp, fp, base });
}

/// Makes functions of bytecodes: name, and what it does with the machine `vm` and the registers
/// `r`, answering whether it did; where it did not, another function does it.
macro_rules! threads {
    ($(
        $name:ident $(<const $operand:ident>)? ($vm:ident, $r:ident) $does:block
        else $other:ident $(<$with:tt>)?;
    )*) => {$(
        // What another one does in its place would need more registers than are free, and then
        // each time they would be put aside.
        #[inline(never)]
        fn $name $(<const $operand: usize>)? (
            $vm: &mut Vm,
            pc: *const u8,
            sp: *mut Oop,
            fp: *mut Frame,
            base: *mut Oop,
        ) {
            #[allow(unused_mut, reason = "what only looks may be among them")]
            let mut $r = Registers { pc, sp, fp, base };
            if $does {
                go($vm, $r)
            } else {
                $other $(::<$with>)? ($vm, pc, sp, fp, base)
            }
        }
    )*};
}

threads! {
    push_receiver_variable<const N>(vm, r) { push::receiver_variable(vm, &mut r, N, 1).is_continue() } else leave;
    push_literal_variable<const N>(vm, r) { push::literal_variable(vm, &mut r, N, 1).is_continue() } else leave;
    push_literal<const N>(vm, r) { push::literal(vm, &mut r, N, 1).is_continue() } else leave;
    push_literal_high<const N>(vm, r) { push::literal(vm, &mut r, N + 16, 1).is_continue() } else leave;
    push_temp<const N>(vm, r) { push::temps(&mut r, N) } else leave;
    push_receiver_variable_long(vm, r) { push::long_receiver_variable_quickly(vm, &mut r) } else leave;
    push_literal_variable_long(vm, r) {
        let index = usize::from(r.byte(1));
        push::literal_variable(vm, &mut r, index, 2).is_continue()
    } else leave;
    push_literal_long(vm, r) {
        let index = usize::from(r.byte(1));
        push::literal(vm, &mut r, index, 2).is_continue()
    } else leave;
    push_temp_long(vm, r) {
        let index = usize::from(r.byte(1));
        push::temp(&mut r, index, 2).is_continue()
    } else leave;
    push_remote_temp(vm, r) { push::remote_temp(vm, &mut r).is_continue() } else leave;
    push_receiver(vm, r) { push::receiver(&mut r).is_continue() } else leave;
    push_constant<const N>(vm, r) { push::constant(vm, &mut r, N as u8).is_continue() } else leave;
    push_bit<const N>(vm, r) {
        N == 81 && arithmetic::add_pushed(&mut r, 1, 1) || push::bit(&mut r, N as u8).is_continue()
    } else leave;
    push_integer(vm, r) {
        let value = r.byte(1);
        arithmetic::add_pushed(&mut r, i64::from(value), 2)
            || push::integer(&mut r, isize::from(value)).is_continue()
    } else leave;
    push_character(vm, r) {
        let value = isize::from(r.byte(1));
        push::character(&mut r, value).is_continue()
    } else leave;
    push_closure(vm, r) { closure::push_quickly(vm, &mut r) } else leave;
    duplicate(vm, r) { push::duplicate(&mut r).is_continue() } else leave;
    pop(vm, r) { push::pop(&mut r).is_continue() } else leave;

    pop_temp<const N>(vm, r) { store::pop_temp(&mut r, N, 1).is_continue() } else leave;
    pop_temp_long(vm, r) {
        let index = usize::from(r.byte(1));
        store::pop_temp(&mut r, index, 2).is_continue()
    } else leave;
    store_temp_long(vm, r) {
        let index = usize::from(r.byte(1));
        store::temp(&mut r, index).is_continue()
    } else leave;
    pop_receiver_variable<const N>(vm, r) {
        store::receiver_variable_quickly(vm, &mut r, N, store::Keep::Pop, 1)
    } else leave;
    pop_receiver_variable_long(vm, r) {
        store::long_receiver_variable_quickly(vm, &mut r, store::Keep::Pop)
    } else leave;
    store_receiver_variable_long(vm, r) {
        store::long_receiver_variable_quickly(vm, &mut r, store::Keep::Top)
    } else leave;
    pop_literal_variable_long(vm, r) {
        store::literal_variable_quickly(vm, &mut r, store::Keep::Pop)
    } else leave;
    store_literal_variable_long(vm, r) {
        store::literal_variable_quickly(vm, &mut r, store::Keep::Top)
    } else leave;
    store_remote_temp(vm, r) { store::remote_temp_quickly(vm, &mut r, store::Keep::Top) } else leave;
    pop_remote_temp(vm, r) { store::remote_temp_quickly(vm, &mut r, store::Keep::Pop) } else leave;

    return_receiver(vm, r) {
        let value = r.receiver();
        returns::from_method_quickly(vm, &mut r, value)
    } else leave;
    return_constant<const N>(vm, r) {
        let value = returns::constant_of(vm, N as u8);
        returns::from_method_quickly(vm, &mut r, value)
    } else leave;
    return_top(vm, r) {
        let value = r.top();
        returns::from_method_quickly(vm, &mut r, value)
    } else leave;
    return_from_block<const N>(vm, r) { returns::from_block_quickly(vm, &mut r, N as u8) } else leave;

    add(vm, r) { arithmetic::add_quickly(&mut r) } else add_floats;
    add_floats(vm, r) { floats::operate(vm, &mut r, arithmetic::ADD) } else numbers;
    subtract(vm, r) { arithmetic::subtract_quickly(&mut r) } else subtract_floats;
    subtract_floats(vm, r) { floats::operate(vm, &mut r, arithmetic::SUBTRACT) } else numbers;
    multiply(vm, r) { arithmetic::multiply_quickly(&mut r) } else multiply_floats;
    multiply_floats(vm, r) { floats::operate(vm, &mut r, arithmetic::MULTIPLY) } else numbers;
    divide(vm, r) { arithmetic::divide_quickly(&mut r) } else divide_floats;
    divide_floats(vm, r) { floats::operate(vm, &mut r, arithmetic::DIVIDE) } else numbers;
    compare<const N>(vm, r) {
        arithmetic::compare_quickly(vm, &mut r, N as u8)
    } else compare_floats<N>;
    compare_floats<const N>(vm, r) {
        floats::compare(vm, &mut r, N as u8)
    } else numbers;
    numbers(vm, r) { arithmetic::numbers_quickly(vm, &mut r) } else binary;
    combine<const N>(vm, r) { arithmetic::combine_quickly(&mut r, N as u8) } else binary;

    at(vm, r) { special::at_of_array(vm, &mut r) } else at_of_bytes;
    at_of_bytes(vm, r) { special::at_quickly(vm, &mut r) } else special_send<16>;
    at_put(vm, r) { special::at_put_of_array(vm, &mut r) } else at_put_of_bytes;
    at_put_of_bytes(vm, r) { special::at_put_quickly(vm, &mut r) } else special_send<17>;
    size(vm, r) { special::size_quickly(vm, &mut r) } else special_send<18>;
    identical<const N>(vm, r) { special::identical_quickly(vm, &mut r, N as u8) } else leave;
    class(vm, r) { special::class_quickly(vm, &mut r) } else special_send<23>;
    value(vm, r) { special::value_quickly(vm, &mut r, 0) } else special_send<25>;
    value_of_one(vm, r) { special::value_quickly(vm, &mut r, 1) } else special_send<26>;

    jump_forward<const N>(vm, r) { jump::forward(&mut r, N + 1, 1).is_continue() } else leave;
    jump_forward_long(vm, r) {
        let distance = usize::from(r.byte(1));
        jump::forward(&mut r, distance, 2).is_continue()
    } else leave;
    jump_back(vm, r) { jump::back_quickly(vm, &mut r) } else leave;
    jump_if_true<const N>(vm, r) { jump::if_quickly(vm, &mut r, true, N + 1, 1) } else leave;
    jump_if_false<const N>(vm, r) { jump::if_quickly(vm, &mut r, false, N + 1, 1) } else leave;
    jump_if_true_long(vm, r) {
        let distance = usize::from(r.byte(1));
        jump::if_quickly(vm, &mut r, true, distance, 2)
    } else leave;
    jump_if_false_long(vm, r) {
        let distance = usize::from(r.byte(1));
        jump::if_quickly(vm, &mut r, false, distance, 2)
    } else leave;
    settle<const N>(vm, r) {
        let selector = vm.heap.literal(r.method(), usize::from(r.byte(0) & 15));
        send::settle(vm, &r, selector, N)
    } else leave;
    settle_long(vm, r) {
        let operand = usize::from(r.byte(1));
        let selector = vm.heap.literal(r.method(), operand >> 3);
        send::settle(vm, &r, selector, operand & 7)
    } else leave;
    settle_super(vm, r) { send::settle_super(vm, &r) } else leave;
    settle_binary(vm, r) {
        let (selector, _) = vm.special_selectors[usize::from(r.byte(0) & 31)];
        send::settle(vm, &r, selector, 1)
    } else leave;
    settle_special<const N>(vm, r) {
        let (selector, arguments) = vm.special_selectors[N];
        send::settle(vm, &r, selector, usize::from(arguments))
    } else leave;
}

/// Makes the functions of sends: `name`, where the site is the first of its place, and `far`, where it is
/// another. Both do what sends do most, and leave it to `deed` what else the send does.
macro_rules! sends {
    ($(
        $name:ident, $far:ident $(<$operand:ident>)? ($vm:ident, $r:ident)
        $arguments:block, $class:expr, $length:literal, $deed:expr, $settle:expr;
    )*) => {$(
        sends! {
            $name $(<$operand>)? ($vm, $r) $arguments, $class, $length, $deed,
            first, $far $(::<$operand>)?
        }
        sends! {
            $far $(<$operand>)? ($vm, $r) $arguments, $class, $length, $deed,
            another, $settle
        }
    )*};
    (
        $name:ident $(<$operand:ident>)? ($vm:ident, $r:ident)
        $arguments:block, $class:expr, $length:literal, $deed:expr, $find:ident, $other:expr
    ) => {
        #[inline(never)]
        fn $name $(<const $operand: usize>)? (
            $vm: &mut Vm,
            pc: *const u8,
            sp: *mut Oop,
            fp: *mut Frame,
            base: *mut Oop,
        ) {
            let mut $r = Registers { pc, sp, fp, base };
            let arguments = $arguments;
            let class_index = $class($vm, &$r, arguments);
            let Some(position) = $vm.cache.sites.$find(pc, class_index) else {
                return $other($vm, pc, sp, fp, base);
            };
            if sites::act($vm, &mut $r, position, arguments, $length) {
                go($vm, $r)
            } else {
                $deed($vm, pc, sp, fp, base, position)
            }
        }
    };
}
sends! {
    send, send_again<N>(vm, r) { N }, class_of, 1, deed::<N>, settle::<N>;
    send_long, send_long_again(vm, r) { arguments_of(&r) }, class_of, 2, deed_long, settle_long;
    send_super, send_super_again(vm, r) { arguments_of(&r) }, any_class, 2, deed_long, settle_super;
    binary, binary_again(vm, r) { 1 }, class_of, 1, deed::<1>, settle_binary;
    special_send, special_send_again<N>(vm, r) {
        usize::from(SPECIAL_SELECTORS[N].1)
    }, class_of, 1, special_deed::<N>, settle_special::<N>;
}

/// The class of the receiver of a send.
#[inline(always)]
fn class_of(vm: &Vm, r: &Registers, arguments: usize) -> u32 {
    vm.heap.class_index_of(r.operand(arguments))
}

/// A super send means the same for all.
#[inline(always)]
fn any_class(_: &Vm, _: &Registers, _: usize) -> u32 {
    sites::SUPER
}

/// The number of arguments of a send of two bytes.
#[inline(always)]
fn arguments_of(r: &Registers) -> usize {
    usize::from(r.byte(1) & 7)
}

/// Makes the functions for what sends do more rarely: each has the position of the site as its sixth parameter,
/// and leaves what it cannot do to `other`.
macro_rules! deeds {
    ($(
        $name:ident $(<const $operand:ident>)? ($vm:ident, $r:ident, $position:ident) $does:block
        else $other:expr;
    )*) => {$(
        #[inline(never)]
        fn $name $(<const $operand: usize>)? (
            $vm: &mut Vm,
            pc: *const u8,
            sp: *mut Oop,
            fp: *mut Frame,
            base: *mut Oop,
            $position: usize,
        ) {
            let mut $r = Registers { pc, sp, fp, base };
            if $does {
                go($vm, $r)
            } else {
                $other($vm, pc, sp, fp, base, $position)
            }
        }
    )*};
}

deeds! {
    deed<const N>(vm, r, position) { sites::answer(vm, &mut r, position, N, 1) }
    else deed_at_length::<N>;
    deed_at_length<const N>(vm, r, position) { sites::answer_at_length(vm, &mut r, position, N, 1) }
    else leave_site;
    special_deed<const N>(vm, r, position) {
        let arguments = usize::from(SPECIAL_SELECTORS[N].1);
        sites::answer(vm, &mut r, position, arguments, 1)
    } else special_deed_at_length::<N>;
    special_deed_at_length<const N>(vm, r, position) {
        let arguments = usize::from(SPECIAL_SELECTORS[N].1);
        sites::answer_at_length(vm, &mut r, position, arguments, 1)
    } else leave_site;
    deed_long(vm, r, position) {
        let arguments = arguments_of(&r);
        sites::answer(vm, &mut r, position, arguments, 2)
    } else deed_long_at_length;
    deed_long_at_length(vm, r, position) {
        let arguments = arguments_of(&r);
        sites::answer_at_length(vm, &mut r, position, arguments, 2)
    } else leave_site;
}

/// Leaves a send whose site is known, and does no good.
fn leave_site(vm: &mut Vm, pc: *const u8, sp: *mut Oop, fp: *mut Frame, base: *mut Oop, _: usize) {
    leave(vm, pc, sp, fp, base);
}

/// The functions of all bytecodes.
static THREADS: [Thread; 256] = threads();

/// Enters a function that takes its operand from the opcode, for each operand.
macro_rules! each {
    ($threads:ident, $first:literal, $name:ident: $($operand:literal)*) => {
        $($threads[$first + $operand] = $name::<$operand>;)*
    };
}

/// Enters a function that takes the opcode itself, for each opcode.
macro_rules! all {
    ($threads:ident, $name:ident: $($opcode:literal)*) => {
        $($threads[$opcode] = $name::<$opcode>;)*
    };
}

const fn threads() -> [Thread; 256] {
    let mut threads = [leave as Thread; 256];
    pushes(&mut threads);
    stores(&mut threads);
    returning(&mut threads);
    special_sends(&mut threads);
    jumps(&mut threads);
    let mut opcode = 128;
    while opcode < 144 {
        threads[opcode] = send::<0>;
        threads[opcode + 16] = send::<1>;
        threads[opcode + 32] = send::<2>;
        opcode += 1;
    }
    threads[234] = send_long;
    threads[235] = send_super;
    threads
}

const fn pushes(threads: &mut [Thread; 256]) {
    each!(threads, 0, push_receiver_variable: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    each!(threads, 16, push_literal_variable: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    each!(threads, 32, push_literal: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    each!(threads, 48, push_literal_high: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    each!(threads, 64, push_temp: 0 1 2 3 4 5 6 7 8 9 10 11);
    threads[76] = push_receiver;
    all!(threads, push_constant: 77 78 79);
    all!(threads, push_bit: 80 81);
    threads[83] = duplicate;
    threads[226] = push_receiver_variable_long;
    threads[227] = push_literal_variable_long;
    threads[228] = push_literal_long;
    threads[229] = push_temp_long;
    threads[232] = push_integer;
    threads[233] = push_character;
    threads[249] = push_closure;
    threads[251] = push_remote_temp;
}

const fn stores(threads: &mut [Thread; 256]) {
    each!(threads, 200, pop_receiver_variable: 0 1 2 3 4 5 6 7);
    each!(threads, 208, pop_temp: 0 1 2 3 4 5 6 7);
    threads[216] = pop;
    threads[240] = pop_receiver_variable_long;
    threads[241] = pop_literal_variable_long;
    threads[242] = pop_temp_long;
    threads[243] = store_receiver_variable_long;
    threads[244] = store_literal_variable_long;
    threads[245] = store_temp_long;
    threads[252] = store_remote_temp;
    threads[253] = pop_remote_temp;
}

const fn returning(threads: &mut [Thread; 256]) {
    threads[88] = return_receiver;
    all!(threads, return_constant: 89 90 91);
    threads[92] = return_top;
    all!(threads, return_from_block: 93 94);
}

const fn special_sends(threads: &mut [Thread; 256]) {
    threads[96] = add;
    threads[97] = subtract;
    all!(threads, compare: 98 99 100 101 102 103);
    threads[104] = multiply;
    threads[105] = divide;
    all!(threads, combine: 106 108 109 110 111);
    threads[112] = at;
    threads[113] = at_put;
    threads[114] = size;
    all!(threads, identical: 118 120);
    threads[119] = class;
    threads[121] = value;
    threads[122] = value_of_one;
    threads[107] = binary;
    each!(threads, 96, special_send: 19 20 21 27 28 29 30 31);
}

const fn jumps(threads: &mut [Thread; 256]) {
    each!(threads, 176, jump_forward: 0 1 2 3 4 5 6 7);
    each!(threads, 184, jump_if_true: 0 1 2 3 4 5 6 7);
    each!(threads, 192, jump_if_false: 0 1 2 3 4 5 6 7);
    threads[225] = jump_back;
    threads[237] = jump_forward_long;
    threads[238] = jump_if_true_long;
    threads[239] = jump_if_false_long;
}
