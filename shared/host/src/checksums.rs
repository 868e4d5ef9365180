//! Module `ZipPlugin`: the checksums of zip and gzip, over a part of a byte object.

use imprint_model::Oop;
use imprint_vm::primitives::arguments::{argument, bytes, small_integer, unsigned_64};
use imprint_vm::{Args, Failure, Primitive, PrimitiveError, Vm};
use zlib_rs::adler32::adler32;
use zlib_rs::crc32::crc32;

/// Module, name and function of each primitive.
pub const PRIMITIVES: &[(&str, &str, Primitive)] = &[
    ("ZipPlugin", "primitiveUpdateAdler32", update_adler),
    ("ZipPlugin", "primitiveUpdateGZipCrc32", update_crc),
];

/// Adler-32 (RFC 1950) so far, first index, last index, bytes: the sum with these bytes.
fn update_adler(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (sum, part) = operands(vm, args)?;
    Ok(Oop::index(adler32(sum, part) as usize))
}

/// CRC-32 (RFC 1952) so far, first index, last index, bytes: the sum with these bytes. It is the inner
/// state: whoever asks begins with all bits set, and inverts them at the end.
fn update_crc(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (sum, part) = operands(vm, args)?;
    Ok(Oop::index(!crc32(!sum, part) as usize))
}

fn operands(vm: &Vm, args: Args) -> Result<(u32, &[u8]), Failure> {
    let sum = unsigned_64(vm, argument(vm, args, 0)?);
    let sum = sum.and_then(|sum| u32::try_from(sum).ok());
    let sum = sum.ok_or(PrimitiveError::BadArgument)?;
    let first = small_integer(vm, args, 1)?;
    let last = small_integer(vm, args, 2)?;
    let all = bytes(vm, args, 3)?;
    let is_inside = first >= 1 && last <= all.len() as i64 && first <= last.saturating_add(1);
    if !is_inside {
        return Err(PrimitiveError::BadIndex.into());
    }
    Ok((sum, &all[first as usize - 1..last as usize]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;
    use imprint_vm::PrimitiveError::{BadArgument, BadIndex};

    const MODULE: &str = "ZipPlugin";

    #[test]
    fn sums_are_those_of_the_standards_and_go_on() {
        let mut world = World::new();
        let text = world.string("..123456789..");
        let mut sum = |name, begin, parts: [(i32, i32); 2]| {
            parts.iter().fold(Oop::index(begin), |sum, (first, last)| {
                let operands = [sum, Oop::small(*first), Oop::small(*last), text];
                world.call(MODULE, name, &operands).unwrap()
            })
        };
        // The check values of both sums are those of the digits 1 to 9.
        let parts = [(3, 6), (7, 11)];
        let adler = sum("primitiveUpdateAdler32", 1, parts);
        assert_eq!(adler, Oop::index(0x091E_01DE));
        let crc = sum("primitiveUpdateGZipCrc32", 0xFFFF_FFFF, parts);
        assert_eq!(crc, Oop::index(0xCBF4_3926 ^ 0xFFFF_FFFF));
        let nothing = sum("primitiveUpdateAdler32", 77, [(14, 13), (1, 0)]);
        assert_eq!(nothing, Oop::index(77));
    }

    #[test]
    fn what_lies_outside_is_refused() {
        let mut world = World::new();
        let text = world.string("abc");
        let name = "primitiveUpdateAdler32";
        for (first, last) in [(0, 3), (1, 4), (3, 1), (-1, -1), (5, 4)] {
            let operands = [Oop::small(1), Oop::small(first), Oop::small(last), text];
            world.fails(MODULE, name, &operands, BadIndex);
        }
        let one = Oop::small(1);
        let operands = [Oop::index(1 << 32), one, one, text];
        world.fails(MODULE, name, &operands, BadArgument);
        world.fails(MODULE, name, &[one, one, one, one], BadArgument);
    }
}
