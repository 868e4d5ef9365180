//! Strings and collections against those of Rust: the same random operations, the same answers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use imprint_heap::HeapSettings;
use imprint_integration_tests::dice::Dice;
use imprint_vm::VmSettings;

use crate::machine::Machine;

/// Rounds of each kind of case.
const ROUNDS: usize = 60;

fn array(numbers: &[i64]) -> String {
    let words: Vec<String> = numbers.iter().map(i64::to_string).collect();
    format!("#({})", words.join(" "))
}

fn optional(position: Option<usize>) -> usize {
    position.map_or(0, |position| position + 1)
}

/// Expression and what it must print as, of two texts and a number.
fn string_case(kind: usize, a: &str, b: &str, n: usize) -> (String, String) {
    let cut = n.min(a.len());
    let letter = ['a', 'b', 'c', 'B'][n % 4];
    match kind {
        0 => (format!("'{a}' , '{b}'"), format!("'{a}{b}'")),
        1 => (
            format!("'{a}' reversed"),
            format!("'{}'", a.chars().rev().collect::<String>()),
        ),
        2 => (format!("'{a}' = '{b}'"), (a == b).to_string()),
        3 => (
            format!("'{a}' indexOf: ${letter}"),
            optional(a.find(letter)).to_string(),
        ),
        4 => (
            format!("'{a}' asUppercase"),
            format!("'{}'", a.to_uppercase()),
        ),
        5 if !b.is_empty() => (
            format!("'{a}' copyReplaceAll: '{b}' with: 'x'"),
            format!("'{}'", a.replace(b, "x")),
        ),
        6 if !b.is_empty() => (
            format!("'{a}' findString: '{b}'"),
            optional(a.find(b)).to_string(),
        ),
        7 => (format!("'{a}' first: {cut}"), format!("'{}'", &a[..cut])),
        8 => (
            format!("'{a}' allButFirst: {cut}"),
            format!("'{}'", &a[cut..]),
        ),
        9 => (
            format!("'{a}' occurrencesOf: ${letter}"),
            a.matches(letter).count().to_string(),
        ),
        10 => (
            format!("'{a}' beginsWith: '{b}'"),
            (!b.is_empty() && a.starts_with(b) || b.is_empty()).to_string(),
        ),
        11 => (
            format!("'{a}' asSymbol == '{b}' asSymbol"),
            (a == b).to_string(),
        ),
        12 => (
            format!("'{a}' hash = '{b}' copy hash"),
            (a == b).to_string(),
        ),
        13 => (
            format!("'{a}' asByteArray asArray sum: [:e | e]"),
            a.bytes().map(u64::from).sum::<u64>().to_string(),
        ),
        _ => (format!("'{a}' size"), a.len().to_string()),
    }
}

fn collection_case(kind: usize, a: &[i64], b: &[i64], n: usize) -> (String, String) {
    let (x, y) = (array(a), array(b));
    let sorted = |numbers: &[i64]| {
        let mut numbers = numbers.to_vec();
        numbers.sort_unstable();
        numbers
    };
    let set: BTreeSet<i64> = a.iter().copied().collect();
    let distinct: Vec<i64> = set.iter().copied().collect();
    match kind {
        0 => (format!("{x} asSortedCollection asArray"), array(&sorted(a))),
        1 => (format!("{x} asSet asArray sorted"), array(&distinct)),
        2 => (
            format!("{x} select: [:e | e even]"),
            array(&a.iter().copied().filter(|e| e % 2 == 0).collect::<Vec<_>>()),
        ),
        3 => (
            format!("{x} inject: 0 into: [:s :e | s * 3 + e]"),
            a.iter()
                .fold(0i128, |s, e| s * 3 + i128::from(*e))
                .to_string(),
        ),
        4 => (
            format!("({x} , {y}) asOrderedCollection asArray reversed"),
            array(&[a, b].concat().into_iter().rev().collect::<Vec<_>>()),
        ),
        5 => (
            format!("{x} indexOf: {n}"),
            optional(a.iter().position(|e| *e == n as i64)).to_string(),
        ),
        6 => counting_case(a),
        7 => {
            let mut kept = a.to_vec();
            kept.retain(|e| !b.contains(e));
            (
                format!(
                    "| o | o := {x} asOrderedCollection. o removeAllSuchThat: [:e | {y} includes: e]. |> o asArray"
                ),
                array(&kept),
            )
        }
        8 => queue_case(a, b),
        9 => (
            format!("({x} collect: [:e | e * e]) = ({y} collect: [:e | e * e])"),
            (a.iter().map(|e| e * e).eq(b.iter().map(|e| e * e))).to_string(),
        ),
        _ => (
            format!("{x} size + {y} size"),
            (a.len() + b.len()).to_string(),
        ),
    }
}

/// A dictionary that counts.
fn counting_case(a: &[i64]) -> (String, String) {
    let x = array(a);
    let mut counted = BTreeMap::<i64, i64>::new();
    a.iter().for_each(|e| *counted.entry(*e).or_default() += 1);
    let flat: Vec<i64> = counted.into_iter().flat_map(|(k, v)| [k, v]).collect();
    let expression = format!(
        "| d o | d := Dictionary new. o := OrderedCollection new. \
         {x} do: [:e | d at: e put: (d at: e ifAbsent: [0]) + 1]. \
         d keys asArray sorted do: [:k | o add: k; add: (d at: k)]. |> o asArray"
    );
    (expression, array(&flat))
}

/// Both ends of a collection.
fn queue_case(a: &[i64], b: &[i64]) -> (String, String) {
    let (x, y) = (array(a), array(b));
    let mut queue: VecDeque<i64> = a.iter().copied().collect();
    for e in b {
        if e % 2 == 0 {
            queue.push_front(*e);
        } else {
            queue.push_back(*e);
            queue.pop_front();
        }
    }
    let expression = format!(
        "| o | o := {x} asOrderedCollection. {y} do: [:e | \
         e even ifTrue: [o addFirst: e] ifFalse: [o addLast: e. o removeFirst]]. |> o asArray"
    );
    (expression, array(&Vec::from(queue)))
}

#[test]
fn strings_and_collections_do_what_those_of_rust_do() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    let mut dice = Dice::new(23);
    let mut wrong = Vec::new();
    for round in 0..ROUNDS * 25 {
        let n = dice.below(12);
        let (expression, expected) = if round % 2 == 0 {
            let (a, b) = (dice.text(9), dice.text(3));
            string_case(dice.below(15), &a, &b, n)
        } else {
            let (a, b) = (dice.numbers(9), dice.numbers(4));
            collection_case(dice.below(11), &a, &b, n)
        };
        let printed = machine.print(&expression);
        if printed != expected {
            wrong.push(format!("{expression}\n    {printed}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
