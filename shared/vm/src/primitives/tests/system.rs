//! Clocks, attributes, parameters.

use imprint_model::{ClassIndex, Known, Oop};

use crate::failure::PrimitiveError::{BadArgument, BadIndex};
use crate::primitives::testing::{STOPPED_CLOCK, World};

fn i(value: i32) -> Oop {
    Oop::small(value)
}

#[test]
fn clocks_show_what_the_outside_says() {
    let mut world = World::new();
    let nil = world.nil();
    assert_eq!(
        world.call(240, &[nil]),
        Ok(Oop::index(STOPPED_CLOCK as usize))
    );
    let milliseconds = STOPPED_CLOCK / 1000 % (1 << 29);
    assert_eq!(
        world.call(135, &[nil]),
        Ok(Oop::index(milliseconds as usize))
    );
}

#[test]
fn attributes_are_the_command_line_and_the_platform() {
    let mut world = World::new();
    let nil = world.nil();
    let line = &mut world.vm.settings.command_line;
    line.vm_path = "/opt/imprint/master".to_string();
    line.image_path = "full.image".to_string();
    line.vm_options = vec!["--headless".to_string(), "--limit".to_string()];
    line.arguments = vec!["eval".to_string(), "3 + 4".to_string()];
    let cases = [
        (0, "/opt/imprint/master"),
        (1, "full.image"),
        (2, "eval"),
        (3, "3 + 4"),
        (-1, "--headless"),
        (-2, "--limit"),
    ];
    for (number, expected) in cases {
        let answer = world.call(149, &[nil, i(number)]).unwrap();
        assert_eq!(world.text(answer), expected);
    }
    for number in [1001, 1002, 1003, 1004, 1006, 1007, 1009, 1010, 1011] {
        assert!(world.call(149, &[nil, i(number)]).is_ok(), "{number}");
    }
    for number in [4, 1000, 1005, -3, -1000, 5000] {
        world.fails(149, &[nil, i(number)], BadArgument);
    }
    world.fails(149, &[nil, nil], BadArgument);
    let directory = world.call(142, &[nil]).unwrap();
    assert_eq!(world.text(directory), "/opt/imprint/");
}

#[test]
fn the_image_path_can_be_set() {
    let mut world = World::new();
    let nil = world.nil();
    let path = world.string("other.image");
    assert_eq!(world.call(121, &[nil, path]), Ok(nil));
    let answer = world.call(121, &[nil]).unwrap();
    assert_eq!(world.text(answer), "other.image");
    world.fails(121, &[nil, i(3)], BadArgument);
}

#[test]
fn parameters_are_read_and_setting_answers_the_old() {
    let mut world = World::new();
    let nil = world.nil();
    assert_eq!(world.call(254, &[nil, i(40)]), Ok(i(8)));
    let eden = world.call(254, &[nil, i(44)]).unwrap();
    assert_eq!(world.call(254, &[nil, i(44), i(1)]), Ok(eden));
    world.fails(254, &[nil, i(0)], BadIndex);
    world.fails(254, &[nil, i(87)], BadIndex);
    world.fails(254, &[nil, i(1), i(1)], BadIndex);
    world.fails(254, &[nil, i(44), nil], BadArgument);
    world.fails(254, &[nil, nil], BadArgument);
    let all = world.call(254, &[nil]).unwrap();
    assert_eq!(world.vm.heap.slot_count(all), 86);
}

#[test]
fn the_low_space_semaphore_is_a_semaphore_or_nil() {
    let mut world = World::new();
    let nil = world.nil();
    let class = world.vm.heap.class_at(ClassIndex::SEMAPHORE).unwrap();
    let semaphore = world.new_instance(class, 0);
    assert_eq!(world.call(124, &[nil, semaphore]), Ok(nil));
    assert_eq!(world.vm.heap.known(Known::LowSpaceSemaphore), semaphore);
    world.fails(124, &[nil, i(3)], BadArgument);
    assert_eq!(world.call(124, &[nil, nil]), Ok(nil));
    assert_eq!(world.call(125, &[nil, i(3)]), Ok(nil));
    world.fails(125, &[nil, nil], BadArgument);
    world.fails(125, &[nil, i(-1)], BadArgument);
}

#[test]
fn versions_are_strings() {
    let mut world = World::new();
    let nil = world.nil();
    for name in ["primitiveVMVersion", "primitiveInterpreterSourceVersion"] {
        let answer = world.call_named("", name, &[nil]).unwrap();
        assert!(world.text(answer).starts_with("Imprint VM "));
    }
    let format = world.call_named("", "primitiveImageFormatVersion", &[nil]);
    assert_eq!(format, Ok(i(68021)));
}
