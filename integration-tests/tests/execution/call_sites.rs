//! What a call site remembers is what a look-up would find: whoever comes there, and whatever is
//! changed between two visits.

use imprint_heap::{Collection, HeapSettings, Zeal};
use imprint_vm::VmSettings;

use crate::few_pages;
use crate::machine::Machine;

/// A place is visited, something is done, and the place is visited again: its answers before and
/// after. `zork:` of `Object` is the place; it sends `zork` to its argument three times.
const CASES: &[(&str, &[Change], &str, &str)] = &[
    (
        "a method is replaced by another one",
        &[
            Change::Method("Integer", "zork ^1"),
            Change::Visit("nil zork: 7", "1"),
            Change::Method("Integer", "zork ^self * 2"),
        ],
        "nil zork: 7",
        "14",
    ),
    (
        "a subclass gets a method of its own",
        &[
            Change::Method("Object", "zork ^#object"),
            Change::Visit("nil zork: 7", "#object"),
            Change::Method("SmallInteger", "zork ^#small"),
        ],
        "nil zork: 7",
        "#small",
    ),
    (
        "a method is removed",
        &[
            Change::Method("Object", "zork ^#object"),
            Change::Method("SmallInteger", "zork ^#small"),
            Change::Visit("nil zork: 7", "#small"),
            Change::Visit("(SmallInteger removeSelector: #zork) notNil", "true"),
        ],
        "nil zork: 7",
        "#object",
    ),
    (
        "receivers of many classes come to one place, again and again",
        &[
            Change::Method("Object", "zork ^self class name"),
            Change::Method("Integer", "zork ^self"),
            Change::Method("UndefinedObject", "zork ^thisContext sender selector"),
            Change::Method("Boolean", "zork ^self not"),
            Change::Visit("nil zork: 3", "3"),
            Change::Visit("nil zork: nil", "#zork:"),
        ],
        "((1 to: 50) inject: 0 into: [:sum :each | sum + (#(1 #a nil 2.5 true 1) count: [:any | \
         (nil zork: any) = (any isInteger ifTrue: [any] ifFalse: [any == true ifTrue: [false] \
         ifFalse: [any isNil ifTrue: [#zork:] ifFalse: [any class name]]])])])",
        "300",
    ),
    (
        "the selector among the literals of a method is exchanged",
        &[
            Change::Method("Object", "zork ^1"),
            Change::Method("Object", "other ^2"),
            Change::Visit("nil zork: 7", "1"),
            Change::Visit(
                "| m |  m := Object >> #zork:. 1 to: m numLiterals do: [:i | \
                 (m literalAt: i) == #zork ifTrue: [m literalAt: i put: #other]]. |> m numArgs",
                "1",
            ),
        ],
        "nil zork: 7",
        "2",
    ),
    (
        "a constant among the literals of a method is exchanged",
        &[
            Change::Method("Object", "zork ^#before"),
            Change::Visit("nil zork: 7", "#before"),
            Change::Visit("((Object >> #zork) literalAt: 1 put: #after)", "#after"),
        ],
        "nil zork: 7",
        "#after",
    ),
    (
        "a class variable that a method answers is set",
        &[
            Change::Method("Object", "zork ^Smalltalk at: #Zorks ifAbsent: [0]"),
            Change::Visit("nil zork: 7", "0"),
            Change::Visit("(Smalltalk at: #Zorks put: 5)", "5"),
        ],
        "nil zork: 7",
        "5",
    ),
    (
        "a super send finds a method that is new",
        &[
            Change::Method("Object", "zork ^#object"),
            Change::Method("SmallInteger", "zork ^super zork"),
            Change::Visit("nil zork: 7", "#object"),
            Change::Method("Integer", "zork ^#integer"),
        ],
        "nil zork: 7",
        "#integer",
    ),
    (
        "one super send serves receivers of several classes",
        &[
            Change::Method("Object", "zork ^self class name"),
            Change::Method("Number", "zork ^super zork"),
            Change::Visit("nil zork: 7", "#SmallInteger"),
        ],
        "{nil zork: 7. nil zork: 2.5. nil zork: 1 / 2. nil zork: 7}",
        "#(#SmallInteger #SmallFloat64 #Fraction #SmallInteger)",
    ),
    (
        "a primitive fails after it succeeded, and succeeds again",
        &[
            Change::Method("Object", "zork ^self at: 1"),
            Change::Visit("nil zork: #(5)", "5"),
            Change::Visit(
                "[nil zork: #()] on: Error do: [:e | e class name]",
                "#SubscriptOutOfBounds",
            ),
        ],
        "nil zork: #(6)",
        "6",
    ),
];

enum Change {
    /// A method of a class.
    Method(&'static str, &'static str),
    /// An expression, and what it prints as.
    Visit(&'static str, &'static str),
}

fn check(settings: &VmSettings, zeal: Option<Zeal>) {
    for (case, changes, last, expected) in CASES {
        let mut machine = Machine::new(HeapSettings::default(), settings.clone());
        if let Some(zeal) = &zeal {
            machine.set_zeal(*zeal);
        }
        machine.compile("Object", "zork: any any zork. any zork. ^any zork");
        for change in *changes {
            match change {
                Change::Method(class, source) => machine.compile(class, source),
                Change::Visit(expression, answer) => {
                    assert_eq!(machine.print(expression), *answer, "{case}: {expression}");
                }
            }
        }
        assert_eq!(machine.print(last), *expected, "{case}");
    }
}

#[test]
fn a_call_site_never_remembers_what_is_no_longer_so() {
    check(&VmSettings::default(), None);
    let without = VmSettings {
        caches: false,
        ..VmSettings::default()
    };
    check(&without, None);
}

#[test]
fn a_call_site_never_remembers_what_has_moved() {
    let zeal = Zeal {
        every: 7,
        poison: true,
        verify: false,
    };
    check(&few_pages(), Some(zeal));
}

#[test]
fn what_call_sites_remember_is_marked_in_each_epoch() {
    let mut machine = Machine::new(HeapSettings::default(), VmSettings::default());
    machine.compile("Object", "zork ^self class");
    machine.compile("Object", "zork: any any zork. ^any zork");
    for turn in 0..3 {
        machine.vm.begin_epoch();
        assert_eq!(machine.print("nil zork: 7"), "SmallInteger");
        let methods = machine.vm.end_epochs();
        let names: Vec<String> = methods
            .into_iter()
            .map(|oop| machine.vm.method_name(oop))
            .collect();
        for name in ["Object>>zork", "Object>>zork:"] {
            assert!(names.iter().any(|known| known == name), "{turn}: {names:?}");
        }
        machine.vm.collect(Collection::Scavenge);
    }
}
