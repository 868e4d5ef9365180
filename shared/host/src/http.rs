//! `primitiveParseHttpHead`: what [`http_head`](crate::http_head) reads, as objects of the image.
//!
//! Where the primitive is absent, `WebHeadParser` of the image does the same in Smalltalk. Which
//! fields contradict each other is the image's to judge, after either of them.

use imprint_heap::Heap;
use imprint_model::Oop;
use imprint_vm::primitives::arguments::{aligned, is_bytes, new_array, new_string, receiver};
use imprint_vm::{Args, Failure, Primitive, PrimitiveError, Vm};

use crate::http_head::request_head;

/// Name and function of each primitive.
pub const PRIMITIVES: &[(&str, Primitive)] = &[("primitiveParseHttpHead", parse_head)];

/// String to an Array of length, method, target, minor version, then names and values; 0 where the
/// head is not complete; fails with a String where it is malformed.
fn parse_head(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let args = aligned(args, 0, 0)?;
    let string = receiver(vm, args)?;
    if !is_bytes(vm, string) {
        return Err(PrimitiveError::BadArgument.into());
    }
    // The head lies in the heap that its parts are copied into.
    let bytes = vm.heap.bytes(string).to_vec();
    let head = match request_head(&bytes) {
        Ok(None) => return Ok(Oop::small(0)),
        Ok(Some(head)) => head,
        Err(problem) => {
            let text = new_string(vm, problem.to_string().as_bytes())?;
            return Err(PrimitiveError::Object(text).into());
        }
    };
    vm.heap
        .reserve(bytes.len() + Heap::bytes_for(2) * (head.fields.len() * 2 + 4))?;
    let mut elements = vec![
        Oop::index(head.length),
        new_string(vm, head.method)?,
        new_string(vm, head.target)?,
        Oop::small(i32::from(head.minor_version)),
    ];
    for (name, value) in &head.fields {
        elements.push(new_string(vm, name)?);
        elements.push(new_string(vm, value)?);
    }
    new_array(vm, &elements)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    fn parse(world: &mut World, text: &str) -> Result<Oop, Failure> {
        let string = world.string(text);
        world.call("ImprintPlugin", "primitiveParseHttpHead", &[string])
    }

    #[test]
    fn a_head_is_an_array() {
        let mut world = World::new();
        let head = parse(&mut world, "GET /a HTTP/1.1\r\nHost: h\r\n\r\nbody").unwrap();
        assert_eq!(world.vm.heap.slot_count(head), 6);
        assert_eq!(world.slot(head, 0), Oop::small(28));
        assert_eq!(world.slot(head, 3), Oop::small(1));
        for (index, expected) in [(1, "GET"), (2, "/a"), (4, "Host"), (5, "h")] {
            let part = world.slot(head, index);
            assert_eq!(world.contents(part), expected.as_bytes());
        }
    }

    #[test]
    fn an_incomplete_head_is_zero() {
        let mut world = World::new();
        assert_eq!(
            parse(&mut world, "GET /a HTTP/1.1\r\nHo"),
            Ok(Oop::small(0))
        );
    }

    #[test]
    fn a_malformed_head_fails_with_a_sentence() {
        let mut world = World::new();
        let Err(Failure::Code(PrimitiveError::Object(text))) =
            parse(&mut world, "GET /a HTTP/1.1\nHost: h\n\n")
        else {
            panic!("a bare line feed was accepted");
        };
        assert_eq!(
            world.contents(text),
            b"a line feed without a carriage return"
        );
        let answer = world.call("ImprintPlugin", "primitiveParseHttpHead", &[Oop::small(1)]);
        assert_eq!(answer, Err(PrimitiveError::BadArgument.into()));
    }
}
