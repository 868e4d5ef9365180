//! The dispatch against the table: every row has its function, and refuses wrong operands.

use imprint_isa::Miss;
use imprint_isa::primitives::{MODULE_PRIMITIVES, VALUE_PRIMITIVES};
use imprint_model::{Ghost, Oop};

use crate::args::Args;
use crate::failure::{Failure, PrimitiveError};
use crate::modules::Modules;
use crate::primitives::arguments::resolve;
use crate::primitives::testing::World;
use crate::primitives::{register_modules, value_primitive};

#[test]
fn every_value_row_has_a_function_and_counts_its_operands() {
    let mut world = World::new();
    for row in VALUE_PRIMITIVES {
        assert!(value_primitive(row.number).is_some(), "{}", row.name);
        let too_many = vec![world.nil(); row.arguments_max() + 3];
        world.fails(row.number, &too_many, PrimitiveError::BadNumberOfArguments);
    }
    assert!(value_primitive(83).is_none());
    assert!(value_primitive(256).is_none());
}

#[test]
fn every_built_in_name_stands_in_the_table() {
    let mut modules = Modules::default();
    register_modules(&mut modules);
    for module in modules.module_names() {
        let rows = MODULE_PRIMITIVES.iter().filter(|row| row.module == module);
        assert!(rows.count() > 0, "module '{module}' has no rows");
    }
}

/// A ghost where the table says that the object is read must never be taken for an object, nor
/// crash: the primitive misses it, or refuses another operand first.
#[test]
fn a_ghost_in_any_operand_is_missed_or_refused() {
    let mut world = World::new();
    let ghost = Ghost::new(4242, 7).expect("in range");
    let miss = Failure::from(Miss::Object(ghost));
    for row in VALUE_PRIMITIVES {
        for position in 0..row.operands.len() {
            let mut operands = plausible(&mut world, row.operands.len());
            operands[position] = Oop::ghost(ghost);
            let result = world.call(row.number, &operands);
            let is_fine = match &result {
                Ok(_) => row.depth(position) == 0,
                Err(Failure::Code(_)) => true,
                Err(failure) => *failure == miss,
            };
            assert!(is_fine, "{} operand {position}: {result:?}", row.name);
        }
    }
}

#[test]
fn a_ghost_in_any_operand_of_a_named_primitive_is_missed_or_refused() {
    let mut world = World::new();
    let ghost = Ghost::new(4242, 7).expect("in range");
    let miss = Failure::from(Miss::Object(ghost));
    let built_in = [
        "LargeIntegers",
        "MiscPrimitivePlugin",
        "FloatArrayPlugin",
        "ImprintPlugin",
    ];
    let rows = MODULE_PRIMITIVES
        .iter()
        .filter(|row| built_in.contains(&row.module));
    for row in rows {
        let Some(primitive) = world.vm.modules.find(row.module, row.name) else {
            continue;
        };
        assert_eq!(primitive.depths, row.operands, "{}", row.name);
        for position in 0..row.operands.len() {
            let mut operands = plausible(&mut world, row.operands.len());
            operands[position] = Oop::ghost(ghost);
            let result = world.call_named(row.module, row.name, &operands);
            let is_fine = match &result {
                Ok(_) => row.depth(position) == 0,
                Err(Failure::Code(_)) => true,
                Err(failure) => *failure == miss,
            };
            assert!(is_fine, "{} operand {position}: {result:?}", row.name);
        }
    }
}

/// Operands that many primitives accept: an array, then small integers.
fn plausible(world: &mut World, count: usize) -> Vec<Oop> {
    let array = world.array(&[Oop::small(1), Oop::small(2)]);
    let mut operands = vec![Oop::small(1); count];
    operands[0] = array;
    operands
}

/// No combination of odd operands makes a primitive panic.
#[test]
fn odd_operands_never_panic() {
    let mut world = World::new();
    let nil = world.nil();
    let string = world.string("odd");
    let large = world.integer(1 << 100);
    let float = world.float(1e300);
    let class = world.vm.heap.class_of(string);
    let least = Oop::small_integer(imprint_model::oop::SMALL_INTEGER_MIN).expect("it is one");
    let odd = [
        nil,
        string,
        large,
        float,
        class,
        least,
        Oop::small(1),
        Oop::character(0x1F600),
    ];
    for row in VALUE_PRIMITIVES {
        for first in odd {
            for rest in odd {
                let mut operands = vec![rest; row.operands.len()];
                operands[0] = world.vm.heap.nil();
                // Fresh strings, since some calls succeed and write.
                operands[0] = if first == string {
                    world.string("odd")
                } else {
                    first
                };
                if row.number == 174 || row.number == 74 || row.number == 160 || row.number == 115 {
                    continue;
                }
                let _ = world.call(row.number, &operands);
            }
        }
    }
}

/// Where space is missing, a primitive says so or needs none; it never does a half of its work.
#[test]
fn without_space_no_primitive_leaves_a_trace() {
    let mut world = World::new();
    let string = world.string("text");
    let large = world.integer(1 << 100);
    let float = world.float(1e300);
    let class = world.vm.heap.class_of(string);
    let array = world.array(&[Oop::small(1), Oop::small(2)]);
    let operands = [string, large, float, class, array, Oop::small(1)];
    world.exhaust();
    let mut missing = 0;
    for row in VALUE_PRIMITIVES {
        for (first, rest) in operands
            .iter()
            .flat_map(|first| operands.map(|rest| (*first, rest)))
        {
            let mut all = vec![rest; row.operands.len()];
            all[0] = first;
            // The calls that write into their operands would spoil them for the next rows.
            if [39, 61, 64, 74, 105, 115, 144, 145, 160, 164, 166, 168, 174].contains(&row.number) {
                continue;
            }
            let result = world.call(row.number, &all);
            missing += usize::from(matches!(result, Err(Failure::NeedsSpace(_))));
        }
    }
    assert!(missing > 50, "only {missing} calls lacked space");
}

#[test]
fn operands_are_resolved_to_their_depths_where_they_lie() {
    let mut world = World::new();
    let string = world.string("here");
    world.vm.presence.insert(5, string);
    let here = Oop::ghost(Ghost::new(5, 7).expect("in range"));
    let gone = Ghost::new(6, 7).expect("in range");
    let miss = Failure::from(Miss::Object(gone));
    let array = world.array(&[here, Oop::small(1)]);
    for (index, oop) in [array, here, Oop::ghost(gone)].into_iter().enumerate() {
        world.vm.stack.set_word(index, oop);
    }
    let args = Args::new(0, 2);
    assert_eq!(resolve(&mut world.vm, args, &[2, 1, 0]), Ok(()));
    assert_eq!(world.vm.heap.slot(array, 0), string);
    assert_eq!(world.vm.stack.word(1), string);
    assert_eq!(world.vm.stack.word(2), Oop::ghost(gone));
    assert_eq!(resolve(&mut world.vm, args, &[0, 0, 1]), Err(miss.clone()));
    world.vm.heap.store(array, 1, Oop::ghost(gone));
    assert_eq!(resolve(&mut world.vm, args, &[1, 0, 0]), Ok(()));
    assert_eq!(resolve(&mut world.vm, args, &[2, 0, 0]), Err(miss));
    // Depths beyond the operands of a call with fewer arguments are not looked at.
    assert_eq!(resolve(&mut world.vm, Args::new(0, 1), &[0, 1, 1]), Ok(()));
}
