//! Drafts that each break one rule of the verifier.

use imprint_isa::bytecode::CALL_PRIMITIVE;
use imprint_isa::draft::{
    BehaviorName, Body, ClassDraft, CodeBody, Draft, LocalObject, MetaDraft, MethodDraft, Name,
    ObjectDraft, Ref,
};
use imprint_isa::encoder::encode;
use imprint_isa::{Instruction, draft::MethodEntry};
use imprint_model::{Format, InstanceSpec, MethodHeader};

use Instruction::{
    BlockReturnTop, CallPrimitive, Jump, JumpTrue, Pop, PushClosure, PushLiteral, PushNil,
    PushReceiverVariable, PushRemoteTemp, PushTemp, ReturnReceiver, ReturnTop, Send,
};

/// What a hostile master does to a draft that was asked for.
pub enum Spoiled {
    /// It sends other code under the method's own name.
    Method(fn(&mut MethodDraft)),
    /// It sends something else in its place.
    Other(fn() -> Draft),
}

use Spoiled::{Method, Other};

/// The rule, the draft that breaks it, and what is said of it.
pub type Row = (&'static str, Spoiled, &'static str);

/// A rule that no draft on a socket can break: there the literals are counted, and no count is said.
pub const UNSPEAKABLE: &str = "LiteralCount";

/// One row for each rule but the unspeakable one.
pub fn rows() -> Vec<Row> {
    let mut rows = whole_drafts();
    rows.extend(headers());
    rows.extend(instructions());
    rows.extend(primitives_and_returns());
    rows.extend(flow());
    rows
}

fn whole_drafts() -> Vec<Row> {
    vec![
        (
            "Name",
            Other(|| class(|class| class.name = "no name".into())),
            "`no name` is no class name",
        ),
        (
            "Duplicate",
            Other(|| class(|class| class.class_variables = vec!["A".into(), "A".into()])),
            "the variable `A` is there twice",
        ),
        (
            "OwnSuperclass",
            Other(|| class(|class| class.superclass = Some(class.name.clone()))),
            "it is its own superclass",
        ),
        (
            "OtherClassSide",
            Other(|| class(|class| class.meta = Some(meta("Object")))),
            "it brings the class side of Object",
        ),
        (
            "InstanceSpec",
            Other(|| class(|class| class.instance_spec.spec = 6)),
            "no instances have spec 6",
        ),
        (
            "FieldCount",
            Other(|| class(|class| class.instance_variables.push("second".into()))),
            "it has 1 fields for 2 variables of its own",
        ),
        (
            "Root",
            Other(|| object(Ref::SmallInteger(3), vec![])),
            "its root can neither be found nor made",
        ),
        (
            "LocalIndex",
            Other(|| array(Ref::Local(7))),
            "there is no object 7 in it",
        ),
        (
            "OwnMethod",
            Other(|| array(Ref::OwnMethod)),
            "it refers to its own method and is none",
        ),
        (
            "LocalClass",
            Other(|| {
                let local = LocalObject {
                    class: Ref::symbol("Array"),
                    ..slots(Format::ARRAY)
                };
                object(Ref::Local(0), vec![local])
            }),
            "the class of an object that travels along is none",
        ),
        (
            "LocalFormat",
            Other(|| object(Ref::Local(0), vec![slots(Format::EMPTY)])),
            "no such contents have format 0",
        ),
    ]
}

fn headers() -> Vec<Row> {
    vec![
        (
            "MethodEnd",
            Method(|method| {
                let count = method.code.literals.len();
                method.code.literals[count - 2..].fill(Ref::NIL);
            }),
            "its selector and the binding of its class",
        ),
        (
            "BlockEnd",
            Method(|method| with_block(method, Ref::NIL)),
            "the last literal of a block is the code around it",
        ),
        (
            "ArgumentCount",
            Method(|method| method.code.header.argument_count += 1),
            "arguments, there are",
        ),
        (
            "TempCount",
            Method(|method| {
                method.selector = "a:b:".into();
                run(method, vec![], &[ReturnReceiver]);
                method.code.header.argument_count = 2;
                method.code.header.temp_count = 1;
            }),
            "1 temporaries cannot hold 2 arguments",
        ),
        (
            "PrimitiveFlag",
            Method(|method| {
                run(method, vec![], &[ReturnReceiver]);
                method.code.header.has_primitive = true;
            }),
            "do not agree whether there is a primitive",
        ),
    ]
}

fn instructions() -> Vec<Row> {
    vec![
        (
            "Decode",
            Method(|method| run_bytes(method, vec![], vec![229])),
            "the code ends inside the instruction at 0",
        ),
        (
            "Unassigned",
            Method(|method| run_bytes(method, vec![], vec![254, 88])),
            "bytecode 254 means nothing",
        ),
        (
            "LiteralIndex",
            Method(|method| run(method, vec![], &[PushLiteral(60), ReturnTop])),
            "there is no literal 60",
        ),
        (
            "LiteralKind",
            Method(|method| run(method, vec![Ref::NIL], &[PushNil, send(0), ReturnTop])),
            "literal 0 is not a selector",
        ),
        (
            "SendArguments",
            Method(|method| {
                let literals = vec![Ref::symbol("x:y:")];
                run(method, literals, &[PushNil, send(0), ReturnTop]);
            }),
            "#x:y: is sent with 0 arguments",
        ),
        (
            "TempIndex",
            Method(|method| run(method, vec![], &[PushTemp(60), ReturnTop])),
            "there is no temporary 60",
        ),
        (
            "Vector",
            Method(|method| {
                let (index, vector) = (200, 0);
                let push = PushRemoteTemp { index, vector };
                run(method, vec![], &[push, ReturnTop]);
                method.code.header.temp_count += 1;
            }),
            "does not surely hold a vector with slot 200",
        ),
        (
            "Field",
            Method(|method| {
                let (index, long) = (250, true);
                let push = PushReceiverVariable { index, long };
                run(method, vec![], &[push, ReturnTop]);
            }),
            "there is no instance variable 250",
        ),
    ]
}

fn primitives_and_returns() -> Vec<Row> {
    vec![
        (
            "PrimitivePlace",
            Method(|method| run(method, vec![], &[PushNil, CallPrimitive(1), ReturnTop])),
            "a primitive is called inside the code",
        ),
        (
            "PrimitiveNumber",
            Method(|method| run(method, vec![], &[CallPrimitive(660), ReturnReceiver])),
            "there is no primitive 660",
        ),
        (
            "PrimitiveName",
            Method(|method| run(method, vec![], &[CallPrimitive(117), ReturnReceiver])),
            "the first literal does not name the primitive",
        ),
        (
            "BlockReturn",
            Method(|method| run(method, vec![], &[PushNil, BlockReturnTop])),
            "a method returns as a block",
        ),
    ]
}

fn flow() -> Vec<Row> {
    vec![
        (
            "Underflow",
            Method(|method| run(method, vec![], &[Pop, ReturnReceiver])),
            "the stack holds 0 operands, 1 are taken",
        ),
        (
            "Overflow",
            Method(|method| {
                run(
                    method,
                    vec![],
                    &[vec![PushNil; 17], vec![ReturnTop]].concat(),
                )
            }),
            "the operands outgrow the frame",
        ),
        (
            "Depth",
            Method(|method| run(method, vec![], &[PushNil, JumpTrue(1), PushNil, ReturnTop])),
            "paths meet here with 0 and 1 operands",
        ),
        (
            "Target",
            Method(|method| run(method, vec![], &[Jump(7), ReturnReceiver])),
            "it jumps to 8, where no instruction begins",
        ),
        (
            "FallsOff",
            Method(|method| run(method, vec![], &[PushNil])),
            "the code goes on behind its end",
        ),
    ]
}

fn send(literal: u16) -> Instruction {
    Send {
        literal,
        arguments: 0,
    }
}

/// Other instructions for a method, with other literals before the two at the end.
fn run(method: &mut MethodDraft, literals: Vec<Ref>, instructions: &[Instruction]) {
    let mut bytecodes = Vec::new();
    for instruction in instructions {
        encode(*instruction, &mut bytecodes);
    }
    run_bytes(method, literals, bytecodes);
}

fn run_bytes(method: &mut MethodDraft, literals: Vec<Ref>, bytecodes: Vec<u8>) {
    let count = method.code.literals.len();
    let end = method.code.literals.split_off(count - 2);
    let argument_count = method.code.header.argument_count;
    method.locals.clear();
    method.code = code(argument_count, [literals, end].concat(), bytecodes);
}

fn code(argument_count: u8, literals: Vec<Ref>, bytecodes: Vec<u8>) -> CodeBody {
    CodeBody {
        header: MethodHeader {
            literal_count: literals.len() as u16,
            argument_count,
            temp_count: argument_count,
            has_primitive: bytecodes.first() == Some(&CALL_PRIMITIVE),
            ..MethodHeader::default()
        },
        literals,
        bytecodes,
    }
}

/// A method that answers a block whose last literal is `outer`.
fn with_block(method: &mut MethodDraft, outer: Ref) {
    let closure = PushClosure {
        literal: 0,
        copied: 0,
        receiver_on_stack: false,
        no_outer: false,
    };
    run(method, vec![Ref::Local(0)], &[closure, ReturnTop]);
    let mut bytecodes = Vec::new();
    for instruction in [PushNil, BlockReturnTop] {
        encode(instruction, &mut bytecodes);
    }
    let body = Body::Code(code(0, vec![Ref::symbol("unused"), outer], bytecodes));
    method.locals = vec![LocalObject::mutable("CompiledBlock", Format::CODE, body)];
}

fn slots(format: Format) -> LocalObject {
    LocalObject::mutable("Array", format, Body::Slots(vec![Ref::NIL]))
}

fn object(root: Ref, locals: Vec<LocalObject>) -> Draft {
    Draft::Object(ObjectDraft { root, locals })
}

fn array(element: Ref) -> Draft {
    let body = Body::Slots(vec![element]);
    object(
        Ref::Local(0),
        vec![LocalObject::mutable("Array", Format::ARRAY, body)],
    )
}

fn class(spoil: fn(&mut ClassDraft)) -> Draft {
    let mut draft = ClassDraft {
        name: "Spoiled".into(),
        superclass: Some("Object".into()),
        instance_spec: InstanceSpec {
            spec: 1,
            fixed_fields: 1,
        },
        instance_variables: vec!["first".into()],
        class_variables: vec![],
        pools: vec![],
        package: "Spoiled".into(),
        tag: "".into(),
        methods: vec![MethodEntry {
            selector: "first".into(),
            ghost: None,
        }],
        slots: vec![],
        meta: None,
    };
    spoil(&mut draft);
    Draft::Class(draft)
}

fn meta(name: &str) -> MetaDraft {
    MetaDraft {
        name: Name::from(name),
        superclass: BehaviorName::meta("Object"),
        class_slots: 11,
        instance_variables: vec![],
        methods: vec![],
        slots: vec![],
    }
}
