//! The stack by itself: words stand for oops, and nothing is executed.

use imprint_model::Oop;

use super::{BaseRecord, Frame, Link, Stack};

fn record(link: Link) -> BaseRecord {
    BaseRecord {
        method: Oop::from_bits(0x1000),
        pc: 0x1018 as *const u8,
        context: None,
        closure: None,
        link,
        depth_below: 0,
    }
}

fn nobody() -> Link {
    Link::Context(Oop::small(0))
}

fn numbers(values: &[i32]) -> Vec<Oop> {
    values.iter().map(|value| Oop::small(*value)).collect()
}

fn words(stack: &Stack, page: usize) -> Vec<Oop> {
    let range = stack.words_of(stack.newest(page));
    range.map(|index| stack.word(index)).collect()
}

#[test]
fn operands_of_a_send_become_receiver_and_arguments_of_the_frame() {
    let mut stack = Stack::new(2, 0);
    stack.begin(0, record(nobody()), &numbers(&[1, 2]));
    let mut r = stack.load();
    numbers(&[10, 11, 12])
        .into_iter()
        .for_each(|oop| r.push(oop));
    r.push_frame(
        Oop::from_bits(0x2000),
        2,
        1,
        Oop::small(0),
        0x2020 as *const u8,
    );
    assert_eq!(r.receiver(), Oop::small(10));
    assert_eq!(r.temp(0), Oop::small(11));
    assert_eq!(r.temp(1), Oop::small(12));
    assert_eq!(r.temp(2), Oop::small(0));
    stack.save(&r);
    assert_eq!(words(&stack, 0), numbers(&[10, 11, 12, 0]));
    assert_eq!(stack.frame_count(0), 2);
}

#[test]
fn a_return_puts_the_value_in_place_of_the_operands() {
    let mut stack = Stack::new(2, 0);
    stack.begin(0, record(nobody()), &numbers(&[1]));
    let mut r = stack.load();
    r.push(Oop::small(10));
    r.push(Oop::small(11));
    let before = r.pc;
    r.push_frame(
        Oop::from_bits(0x2000),
        1,
        3,
        Oop::small(0),
        0x2020 as *const u8,
    );
    r.pop_frame(Oop::small(99));
    assert_eq!(r.top(), Oop::small(99));
    assert_eq!(r.pc, before);
    assert_eq!(r.method(), Oop::from_bits(0x1000));
    stack.save(&r);
    assert_eq!(words(&stack, 0), numbers(&[1, 99]));
}

#[test]
fn a_token_names_a_live_frame_only() {
    let mut stack = Stack::new(2, 0);
    let base = stack.begin(0, record(nobody()), &numbers(&[1]));
    let mut r = stack.load();
    r.push(Oop::small(10));
    r.push_frame(
        Oop::from_bits(0x2000),
        0,
        0,
        Oop::small(0),
        0x2020 as *const u8,
    );
    stack.save(&r);
    let token = stack.token(stack.newest(0));
    assert_eq!(stack.position(token), Some(stack.newest(0)));
    stack.cut_back(base);
    assert_eq!(stack.position(token), None);
    assert_eq!(stack.position(stack.token(base)), Some(base));
    stack.release(0);
    assert_eq!(stack.position(Oop::index(1 << 40)), None);
}

#[test]
fn a_page_runs_out_of_room_before_values_meet_records() {
    let mut stack = Stack::new(2, 0);
    stack.begin(0, record(nobody()), &numbers(&[1]));
    let mut r = stack.load();
    let mut frames = 1;
    while r.has_room() {
        r.push(Oop::small(7));
        r.push_frame(
            Oop::from_bits(0x2000),
            0,
            9,
            Oop::small(0),
            0x2020 as *const u8,
        );
        frames += 1;
    }
    assert!((r.sp as usize) < r.fp as usize);
    stack.save(&r);
    assert_eq!(stack.frame_count(0), frames);
}

#[test]
fn moving_a_method_moves_the_pcs_of_its_frames() {
    let mut stack = Stack::new(2, 0);
    stack.begin(0, record(nobody()), &numbers(&[1]));
    stack.visit(&mut |oop| {
        if *oop == Oop::from_bits(0x1000) {
            *oop = Oop::from_bits(0x5000);
        }
    });
    let r = stack.load();
    assert_eq!(r.method(), Oop::from_bits(0x5000));
    assert_eq!(r.pc as usize, 0x5018);
}

#[test]
fn the_oldest_page_is_the_one_that_waited_longest() {
    let mut stack = Stack::new(3, 0);
    for page in 0..3 {
        stack.begin(page, record(nobody()), &numbers(&[1]));
    }
    stack.activate(0);
    assert_eq!(stack.oldest_page(0), Some(1));
    assert_eq!(stack.free_page(), None);
    stack.release(1);
    assert_eq!(stack.free_page(), Some(1));
    assert_eq!(stack.oldest_page(0), Some(2));
}

#[test]
fn a_frame_without_context_and_closure_says_so() {
    let mut stack = Stack::new(2, 0);
    let base = stack.begin(0, record(nobody()), &numbers(&[1]));
    assert_eq!(stack.frame(base).context, Frame::SINGLE_BASE);
    assert_eq!(stack.frame(base).spouse(), None);
    assert_eq!(stack.frame(base).closure(), None);
    stack.frame_mut(base).context = Oop::from_bits(0x3000);
    assert_eq!(stack.frame(base).spouse(), Some(Oop::from_bits(0x3000)));
}

#[test]
fn closing_up_leaves_the_newest_frame_with_its_values_above_the_target() {
    let mut stack = Stack::new(2, 0);
    stack.begin(0, record(nobody()), &numbers(&[1, 2]));
    let target = stack.newest(0);
    let mut r = stack.load();
    for (depth, method) in [0x2000, 0x3000, 0x4000].into_iter().enumerate() {
        let first = 10 * (depth as i32 + 1);
        numbers(&[first, first + 1])
            .iter()
            .for_each(|oop| r.push(*oop));
        let pc = (method + 0x20) as *const u8;
        r.push_frame(Oop::from_bits(method), 1, 1, Oop::small(0), pc);
        stack.save(&r);
    }
    assert!(stack.is_older(target, stack.newest(0)));
    let moved = stack.close_up(target);
    assert_eq!(stack.older(moved), Some(target));
    assert!(stack.position(stack.token(moved)).is_some());
    assert_eq!(words(&stack, 0), numbers(&[30, 31, 0]));
    let mut r = stack.load();
    assert_eq!(r.method(), Oop::from_bits(0x4000));
    assert_eq!(r.temp(0), Oop::small(31));
    r.pop_frame(Oop::small(99));
    stack.save(&r);
    assert_eq!(words(&stack, 0), numbers(&[1, 2, 99]));
}
