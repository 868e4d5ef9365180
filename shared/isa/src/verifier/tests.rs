//! Each rule is broken once, on an otherwise sound draft.

use super::*;
use crate::draft::{BehaviorName, CodeBody};
use crate::encoder::encode;
use crate::{Instruction, Name};
use Instruction::{
    BlockReturnTop, CallPrimitive, Jump, JumpTrue, Pop, PopIntoArray, PopRemoteTemp, PopTemp,
    PushClosure, PushLiteral, PushLiteralVariable, PushNewArray, PushNil, PushReceiver,
    PushReceiverVariable, PushRemoteTemp, PushTemp, ReturnReceiver, ReturnTop, Send, StoreTemp,
};
use imprint_model::{Known, MethodHeader};

fn bytes(instructions: &[Instruction]) -> Vec<u8> {
    let mut code = Vec::new();
    for instruction in instructions {
        encode(*instruction, &mut code);
    }
    code
}

fn code(temps: u8, mut literals: Vec<Ref>, end: [Ref; 2], bytecodes: Vec<u8>) -> CodeBody {
    literals.extend(end);
    CodeBody {
        header: MethodHeader {
            literal_count: literals.len() as u16,
            has_primitive: bytecodes.first() == Some(&crate::bytecode::CALL_PRIMITIVE),
            temp_count: temps,
            ..MethodHeader::default()
        },
        literals,
        bytecodes,
    }
}

/// A unary method of `Foo` with these temporaries, literals, bytecodes and locals.
fn method(temps: u8, literals: Vec<Ref>, bytecodes: Vec<u8>) -> MethodDraft {
    let end = [Ref::symbol("foo"), Ref::Global("Foo".into())];
    MethodDraft {
        behavior: BehaviorName::class("Foo"),
        selector: "foo".into(),
        protocol: "testing".into(),
        shape: 0,
        code: code(temps, literals, end, bytecodes),
        locals: Vec::new(),
    }
}

fn block(temps: u8, instructions: &[Instruction]) -> LocalObject {
    let end = [Ref::symbol("unused"), Ref::OwnMethod];
    let code = code(temps, vec![], end, bytes(instructions));
    LocalObject::mutable("CompiledBlock", Format::CODE, Body::Code(code))
}

fn closure(copied: u8) -> Instruction {
    PushClosure {
        literal: 0,
        copied,
        receiver_on_stack: false,
        no_outer: false,
    }
}

/// A method that makes a closure of block 0 on one vector of `size`.
fn with_vector(size: u8, block_instructions: &[Instruction]) -> MethodDraft {
    let instructions = [
        PushNewArray(size),
        PopTemp(0),
        PushTemp(0),
        closure(1),
        ReturnTop,
    ];
    let mut draft = method(1, vec![Ref::Local(0)], bytes(&instructions));
    draft.locals = vec![block(1, block_instructions)];
    draft
}

fn check(draft: MethodDraft) -> Result<(), String> {
    verify(&Draft::Method(draft), Some(2)).map_err(|rejection| rejection.to_string())
}

fn check_code(temps: u8, literals: Vec<Ref>, instructions: &[Instruction]) -> String {
    match check(method(temps, literals, bytes(instructions))) {
        Ok(()) => "sound".to_string(),
        Err(text) => text.replace("Foo>>foo is not sound", ""),
    }
}

#[test]
fn sound_instructions_pass() {
    let cases: &[(u8, Vec<Ref>, Vec<Instruction>)] = &[
        (0, vec![], vec![ReturnReceiver]),
        (
            0,
            vec![],
            vec![PushNil, JumpTrue(1), ReturnReceiver, PushNil, ReturnTop],
        ),
        (0, vec![], vec![CallPrimitive(1), ReturnReceiver]),
        (
            1,
            vec![],
            vec![CallPrimitive(1), StoreTemp(0), PushTemp(0), ReturnTop],
        ),
        (
            0,
            vec![Ref::symbol("bar:")],
            vec![
                PushReceiver,
                PushNil,
                Send {
                    literal: 0,
                    arguments: 1,
                },
                ReturnTop,
            ],
        ),
        (
            0,
            vec![Ref::Global("Bar".into())],
            vec![PushLiteralVariable(0), ReturnTop],
        ),
        (
            0,
            vec![],
            vec![
                PushReceiverVariable {
                    index: 1,
                    long: false,
                },
                ReturnTop,
            ],
        ),
        (0, vec![], vec![PushNil, Pop, Jump(-4)]),
        (
            0,
            vec![],
            vec![PushNil, PushNil, PopIntoArray(2), ReturnTop],
        ),
    ];
    for (temps, literals, instructions) in cases {
        assert_eq!(
            check_code(*temps, literals.clone(), instructions),
            "sound",
            "{instructions:?}"
        );
    }
}

/// Literals, instructions, and what is wrong with a method made of them.
type Case<'c> = (&'c [Ref], &'c [Instruction], &'c str);

fn assert_refused(cases: &[Case<'_>]) {
    for (literals, instructions, expected) in cases {
        let fault = check_code(0, literals.to_vec(), instructions);
        assert_eq!(&fault, expected, "{instructions:?}");
    }
}

#[test]
fn the_stack_and_the_jumps_are_kept_in_order() {
    assert_refused(&[
        (&[], &[], " at pc 0: the code goes on behind its end"),
        (&[], &[PushNil], " at pc 0: the code goes on behind its end"),
        (
            &[],
            &[Pop],
            " at pc 0: the stack holds 0 operands, 1 are taken",
        ),
        (
            &[],
            &[PushNil, JumpTrue(1), PushNil, ReturnTop],
            " at pc 3: paths meet here with 0 and 1 operands",
        ),
        (
            &[],
            &[Jump(7), ReturnReceiver],
            " at pc 0: it jumps to 8, where no instruction begins",
        ),
        (
            &[],
            &[Jump(1), PushTemp(200), ReturnTop],
            " at pc 0: it jumps to 2, where no instruction begins",
        ),
        (
            &[],
            &[Jump(-9), ReturnReceiver],
            " at pc 0: it jumps to -5, where no instruction begins",
        ),
        (
            &[],
            &[BlockReturnTop],
            " at pc 0: a method returns as a block",
        ),
    ]);
}

#[test]
fn what_an_instruction_names_is_there() {
    let push_long = PushReceiverVariable {
        index: 2,
        long: true,
    };
    let send = Send {
        literal: 0,
        arguments: 0,
    };
    assert_refused(&[
        (&[], &[PushTemp(0)], " at pc 0: there is no temporary 0"),
        (&[], &[PushLiteral(9)], " at pc 0: there is no literal 9"),
        (
            &[],
            &[PushLiteralVariable(0)],
            " at pc 0: literal 0 is not a binding",
        ),
        (
            &[Ref::NIL],
            &[PushNil, send],
            " at pc 1: literal 0 is not a selector",
        ),
        (
            &[Ref::symbol("x:")],
            &[PushNil, send],
            " at pc 1: #x: is sent with 0 arguments",
        ),
        (
            &[],
            &[push_long],
            " at pc 0: there is no instance variable 2",
        ),
        (&[], &[closure(0)], " at pc 0: literal 0 is not a block"),
    ]);
}

#[test]
fn primitives_are_called_first_and_by_a_number_that_there_is() {
    assert_refused(&[
        (
            &[],
            &[PushNil, CallPrimitive(1), ReturnTop],
            " at pc 1: a primitive is called inside the code",
        ),
        (
            &[],
            &[CallPrimitive(660)],
            " at pc 0: there is no primitive 660",
        ),
        (
            &[],
            &[CallPrimitive(266)],
            " at pc 0: there is no instance variable 2",
        ),
        (
            &[],
            &[CallPrimitive(117)],
            " at pc 0: the first literal does not name the primitive",
        ),
        (
            &[],
            &[CallPrimitive(1), StoreTemp(3)],
            " at pc 3: there is no temporary 3",
        ),
    ]);
}

#[test]
fn bytes_that_are_no_instruction_are_refused() {
    for (bytecodes, expected) in [
        (vec![229], "the code ends inside the instruction at 0"),
        (
            vec![88, 249, 0],
            "the code ends inside the instruction at 1",
        ),
        (
            vec![224, 255, 224, 255, 228, 1, 92],
            "the operand of the instruction at 0 is out of range",
        ),
        (vec![254, 88], "bytecode 254 means nothing"),
    ] {
        let fault = check(method(0, vec![], bytecodes)).unwrap_err();
        assert!(fault.ends_with(expected), "{fault}");
    }
}

#[test]
fn operands_that_outgrow_the_frame_are_refused() {
    let mut instructions = vec![PushNil; 17];
    instructions.push(ReturnTop);
    let expected = " at pc 16: the operands outgrow the frame";
    assert_eq!(check_code(0, vec![], &instructions), expected);
    let mut large = method(0, vec![], bytes(&instructions));
    large.code.header.is_large_frame = true;
    assert_eq!(check(large), Ok(()));
    assert_eq!(
        check_code(17, vec![], &[ReturnReceiver]),
        " at pc 0: the operands outgrow the frame"
    );
}

#[test]
fn headers_that_lie_are_refused() {
    let sound = || method(1, vec![], bytes(&[ReturnReceiver]));
    let refused = |change: &dyn Fn(&mut MethodDraft), expected: &str| {
        let mut draft = sound();
        change(&mut draft);
        let fault = check(draft).unwrap_err();
        assert!(fault.ends_with(expected), "{fault}");
    };
    refused(
        &|draft| draft.code.header.literal_count = 7,
        "the header counts 7 literals, there are 2",
    );
    refused(
        &|draft| draft.code.header.argument_count = 1,
        "the header says 1 arguments, there are 0",
    );
    refused(
        &|draft| draft.code.header.has_primitive = true,
        "do not agree whether there is a primitive",
    );
    refused(
        &|draft| draft.code.literals[1] = Ref::NIL,
        "its selector and the binding of its class",
    );
    refused(
        &|draft| draft.code.literals[0] = Ref::NIL,
        "its selector and the binding of its class",
    );
    refused(
        &|draft| draft.code.literals.truncate(1),
        "its selector and the binding of its class",
    );
    let two_arguments = |draft: &mut MethodDraft| {
        draft.selector = "a:b:".into();
        draft.code.header.argument_count = 2;
    };
    refused(
        &two_arguments,
        "1 temporaries cannot hold 2 arguments and copied values",
    );
}

#[test]
fn vectors_are_followed_into_blocks() {
    let push = |index| PushRemoteTemp { index, vector: 0 };
    let pop = PopRemoteTemp {
        index: 0,
        vector: 0,
    };
    assert_eq!(check(with_vector(2, &[push(1), BlockReturnTop])), Ok(()));
    assert_eq!(
        check(with_vector(2, &[PushNil, pop, push(0), BlockReturnTop])),
        Ok(())
    );
    let expected = "Foo>>foo is not sound at pc 0 of its block 0: \
                    temporary 0 does not surely hold a vector with slot 2";
    let refused = check(with_vector(2, &[push(2), BlockReturnTop]));
    assert_eq!(refused, Err(expected.to_string()));
    let overwritten = [PushNil, PopTemp(0), push(0), BlockReturnTop];
    assert!(check(with_vector(2, &overwritten)).is_err());
    assert!(check_code(1, vec![], &[push(0), ReturnTop]).contains("does not surely hold"));
}

#[test]
fn a_vector_that_only_one_path_makes_is_none() {
    let one_path = [
        PushNil,
        JumpTrue(3),
        PushNewArray(1),
        PopTemp(0),
        PushRemoteTemp {
            index: 0,
            vector: 0,
        },
        ReturnTop,
    ];
    assert!(check_code(1, vec![], &one_path).contains("does not surely hold"));
}

#[test]
fn blocks_are_held_to_their_own_rules() {
    let fault = |change: &dyn Fn(&mut CodeBody)| {
        let mut draft = with_vector(1, &[PushNil, BlockReturnTop]);
        let Body::Code(code) = &mut draft.locals[0].body else {
            unreachable!("local 0 is a block");
        };
        change(code);
        check(draft).unwrap_err()
    };
    let outer = fault(&|code| code.literals[1] = Ref::NIL);
    assert!(outer.ends_with("in its block 0: the last literal of a block is the code around it"));
    let primitive = fault(&|code| code.bytecodes = bytes(&[CallPrimitive(1), ReturnTop]));
    assert!(
        primitive.contains("whether there is a primitive"),
        "{primitive}"
    );
    let temps = fault(&|code| code.header.temp_count = 0);
    assert!(temps.contains("0 temporaries cannot hold 1"), "{temps}");
}

#[test]
fn a_block_that_makes_itself_ends() {
    let mut draft = with_vector(1, &[PushTemp(0), closure(1), BlockReturnTop]);
    let Body::Code(code) = &mut draft.locals[0].body else {
        unreachable!("local 0 is a block");
    };
    code.literals[0] = Ref::Local(0);
    assert_eq!(check(draft), Ok(()));
}

#[test]
fn a_named_primitive_is_named_by_its_first_literal() {
    let mut draft = method(
        0,
        vec![Ref::Local(0)],
        bytes(&[CallPrimitive(117), ReturnReceiver]),
    );
    let name = |module, slots: usize| {
        let mut body = vec![module, Ref::symbol("primitiveFoo")];
        body.resize(slots, Ref::SmallInteger(0));
        LocalObject::mutable("Array", Format::ARRAY, Body::Slots(body))
    };
    for (literal, is_sound) in [
        (name(Ref::NIL, 4), true),
        (name(Ref::symbol("FilePlugin"), 4), true),
        (name(Ref::SmallInteger(3), 4), false),
        (name(Ref::NIL, 3), false),
    ] {
        draft.locals = vec![literal];
        assert_eq!(check(draft.clone()).is_ok(), is_sound);
    }
}

#[test]
fn locals_keep_to_their_draft() {
    let refused = |object: LocalObject, expected: &str| {
        let draft = Draft::Object(ObjectDraft {
            root: Ref::Local(0),
            locals: vec![object],
        });
        let fault = verify(&draft, None).unwrap_err().to_string();
        assert_eq!(
            fault,
            format!("{} is not sound in its object 0: {expected}", draft)
        );
    };
    let slots = |reference| Body::Slots(vec![reference]);
    let no_class = LocalObject {
        class: Ref::NIL,
        ..LocalObject::mutable("Array", Format::ARRAY, slots(Ref::NIL))
    };
    assert_eq!(Ref::NIL, Ref::Known(Known::Nil));
    let by_symbol = LocalObject {
        class: Ref::symbol("Array"),
        ..no_class
    };
    refused(
        by_symbol,
        "the class of an object that travels along is none",
    );
    refused(
        LocalObject::mutable("Array", Format::ARRAY, slots(Ref::Local(1))),
        "there is no object 1 in it",
    );
    refused(
        LocalObject::mutable("Array", Format::ARRAY, slots(Ref::OwnMethod)),
        "it refers to its own method and is none",
    );
    refused(
        LocalObject::mutable("Array", Format::BYTES, slots(Ref::NIL)),
        "no such contents have format 16",
    );
    refused(
        LocalObject::mutable("Bitmap", Format::WORDS_32, Body::Bytes(vec![1; 6])),
        "no such contents have format 10",
    );
    refused(
        LocalObject::mutable("Array", Format::from_bits(7), slots(Ref::NIL)),
        "no such contents have format 7",
    );
}

#[test]
fn an_object_draft_has_a_root() {
    for (root, is_sound) in [
        (Ref::Global("Foo".into()), true),
        (Ref::Local(0), false),
        (Ref::SmallInteger(3), false),
    ] {
        let draft = Draft::Object(ObjectDraft {
            root,
            locals: vec![],
        });
        assert_eq!(verify(&draft, None).is_ok(), is_sound);
    }
}

fn class() -> ClassDraft {
    ClassDraft {
        name: "Foo".into(),
        superclass: Some("Object".into()),
        instance_spec: InstanceSpec {
            spec: 1,
            fixed_fields: 2,
        },
        instance_variables: vec!["a".into(), "b".into()],
        class_variables: vec!["Bar".into()],
        pools: vec![],
        package: "Foo".into(),
        tag: "".into(),
        methods: vec![MethodEntry {
            selector: "a".into(),
            ghost: None,
        }],
        slots: vec![Ref::NIL],
        meta: Some(MetaDraft {
            name: "Foo".into(),
            superclass: BehaviorName::meta("Object"),
            class_slots: 13,
            instance_variables: vec!["only".into()],
            methods: vec![],
            slots: vec![],
        }),
    }
}

#[test]
fn classes_are_sane() {
    assert_eq!(verify(&Draft::Class(class()), None), Ok(()));
    let refused = |change: &dyn Fn(&mut ClassDraft), expected: &str| {
        let mut draft = class();
        change(&mut draft);
        let fault = verify(&Draft::Class(draft), None).unwrap_err().to_string();
        assert!(fault.ends_with(expected), "{fault}");
    };
    let twice: Vec<Name> = vec!["a".into(), "a".into()];
    refused(&|draft| draft.name = "".into(), "`` is no class name");
    refused(
        &|draft| draft.superclass = Some("Foo".into()),
        "it is its own superclass",
    );
    refused(
        &|draft| draft.instance_variables = twice.clone(),
        "the variable `a` is there twice",
    );
    refused(
        &|draft| draft.class_variables = twice.clone(),
        "the variable `a` is there twice",
    );
    refused(
        &|draft| draft.instance_variables[0] = "a b".into(),
        "`a b` is no variable name",
    );
    refused(
        &|draft| draft.instance_spec.fixed_fields = 1,
        "it has 1 fields for 2 variables of its own",
    );
    refused(
        &|draft| draft.instance_spec.spec = 16,
        "no instances have spec 16 with 2 fields",
    );
    refused(
        &|draft| draft.instance_spec.spec = 6,
        "no instances have spec 6 with 2 fields",
    );
    refused(
        &|draft| draft.methods.push(draft.methods[0].clone()),
        "the selector `a` is there twice",
    );
    refused(
        &|draft| draft.slots = vec![Ref::Local(0)],
        "there is no object 0 in it",
    );
    refused(
        &|draft| draft.meta.as_mut().unwrap().name = "Bar".into(),
        "it brings the class side of Bar",
    );
}

#[test]
fn what_was_verified_without_its_class_is_asked_for_its_fields_alone() {
    let code = bytes(&[
        PushReceiverVariable {
            index: 5,
            long: false,
        },
        ReturnTop,
    ]);
    let placed = crate::Placed::nowhere(Draft::Method(method(0, vec![], code)));
    let verified = Verified::new(placed).expect("it keeps every rule");
    assert_eq!(verified.check_fields(6), Ok(()));
    let rejection = verified.check_fields(5).expect_err("there is no sixth");
    assert_eq!(rejection.rule, Rule::Field(5));
    let broken = crate::Placed::nowhere(Draft::Method(method(0, vec![], bytes(&[Pop]))));
    assert!(Verified::new(broken).is_err(), "nothing is on the stack");
}
