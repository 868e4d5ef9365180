//! Message digests, a block of 64 bytes at a time: modules `MD5Plugin` (RFC 1321) and `DSAPrims` (SHA-1)
//! as Pharo's classes call them, and SHA-256 (FIPS 180-4) for our own.
//!
//! Padding is the image's affair; a state is changed in place.

use imprint_model::Oop;
use imprint_vm::primitives::arguments::{argument, bytes_object, check_writable};
use imprint_vm::{Args, Failure, Primitive, PrimitiveError, Vm};
use sha1::digest::generic_array::GenericArray;

/// Module, name and function of each primitive.
pub const PRIMITIVES: &[(&str, &str, Primitive)] = &[
    ("MD5Plugin", "primitivePluginAvailable", yes),
    ("MD5Plugin", "primitiveProcessBufferWithState", md5_block),
    ("DSAPrims", "primitiveHasSecureHashPrimitive", yes),
    ("DSAPrims", "primitiveExpandBlock", sha1_expand),
    ("DSAPrims", "primitiveHashBlock", sha1_block),
    ("ImprintPlugin", "primitiveSha256Block", sha256_block),
];

/// Bytes of a block of all three.
const BLOCK: usize = 64;
/// Words of an expanded block of SHA-1.
const EXPANDED: usize = 80;

fn yes(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    Ok(vm.heap.boolean(true))
}

/// The ByteArray of 64 bytes at an argument.
fn block(vm: &Vm, args: Args, index: usize) -> Result<[u8; BLOCK], Failure> {
    let oop = bytes_object(vm, args, index)?;
    let block = vm.heap.bytes(oop).try_into();
    block.map_err(|_| PrimitiveError::BadArgument.into())
}

/// The array of so many 32-bit words at an argument.
fn words<const COUNT: usize>(
    vm: &Vm,
    args: Args,
    index: usize,
) -> Result<(Oop, [u32; COUNT]), Failure> {
    let oop = argument(vm, args, index)?;
    if !oop.is_object() || !vm.heap.format(oop).is_words_32() {
        return Err(PrimitiveError::BadArgument.into());
    }
    words_of(vm.heap.bytes(oop), u32::from_ne_bytes).map(|words| (oop, words))
}

fn words_of<const COUNT: usize>(
    bytes: &[u8],
    word: impl Fn([u8; 4]) -> u32,
) -> Result<[u32; COUNT], Failure> {
    let (chunks, rest) = bytes.as_chunks::<4>();
    if chunks.len() != COUNT || !rest.is_empty() {
        return Err(PrimitiveError::BadArgument.into());
    }
    Ok(std::array::from_fn(|index| word(chunks[index])))
}

fn store(vm: &mut Vm, oop: Oop, words: &[u32], bytes: impl Fn(u32) -> [u8; 4]) {
    let (chunks, _) = vm.heap.bytes_mut(oop).as_chunks_mut::<4>();
    for (chunk, word) in chunks.iter_mut().zip(words) {
        *chunk = bytes(*word);
    }
}

/// Block and state, a ByteArray of 16.
fn md5_block(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let block = block(vm, args, 0)?;
    let state_oop = bytes_object(vm, args, 1)?;
    let mut state = words_of(vm.heap.bytes(state_oop), u32::from_le_bytes)?;
    check_writable(vm, state_oop)?;
    md5(&mut state, &words_of(&block, u32::from_le_bytes)?);
    store(vm, state_oop, &state, u32::to_le_bytes);
    Ok(state_oop)
}

/// Block, and 80 words for it.
fn sha1_expand(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let block = block(vm, args, 0)?;
    let (oop, _) = words::<EXPANDED>(vm, args, 1)?;
    check_writable(vm, oop)?;
    let first: [u32; 16] = words_of(&block, u32::from_be_bytes)?;
    let mut expanded = [0; EXPANDED];
    expanded[..16].copy_from_slice(&first);
    for at in 16..EXPANDED {
        let mixed = [3, 8, 14, 16].map(|back| expanded[at - back]);
        expanded[at] = mixed.iter().fold(0, |all, word| all ^ word).rotate_left(1);
    }
    store(vm, oop, &expanded, u32::to_ne_bytes);
    args_receiver(vm, args)
}

/// 80 words, of which the first 16 are the block itself, and a state of five.
fn sha1_block(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let (_, expanded) = words::<EXPANDED>(vm, args, 0)?;
    let (oop, mut state) = words::<5>(vm, args, 1)?;
    check_writable(vm, oop)?;
    let mut block = [0; BLOCK];
    for (chunk, word) in block.as_chunks_mut::<4>().0.iter_mut().zip(&expanded) {
        *chunk = word.to_be_bytes();
    }
    sha1::compress(&mut state, &[GenericArray::from(block)]);
    store(vm, oop, &state, u32::to_ne_bytes);
    args_receiver(vm, args)
}

/// Block, and a state of eight words.
fn sha256_block(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let block = block(vm, args, 0)?;
    let (oop, mut state) = words::<8>(vm, args, 1)?;
    check_writable(vm, oop)?;
    sha2::compress256(&mut state, &[GenericArray::from(block)]);
    store(vm, oop, &state, u32::to_ne_bytes);
    args_receiver(vm, args)
}

fn args_receiver(vm: &Vm, args: Args) -> Result<Oop, Failure> {
    Ok(args.receiver(vm))
}

/// How far each of the four steps of a round of MD5 rotates.
const ROTATIONS: [[u32; 4]; 4] = [
    [7, 12, 17, 22],
    [5, 9, 14, 20],
    [4, 11, 16, 23],
    [6, 10, 15, 21],
];

/// One block of MD5. Source: RFC 1321, section 3.4; its table T is the sine of 1 to 64.
fn md5(state: &mut [u32; 4], block: &[u32; 16]) {
    let [mut a, mut b, mut c, mut d] = *state;
    for step in 0..64 {
        let round = step / 16;
        let (mixed, word) = match round {
            0 => ((b & c) | (!b & d), step),
            1 => ((d & b) | (!d & c), 5 * step + 1),
            2 => (b ^ c ^ d, 3 * step + 5),
            _ => (c ^ (b | !d), 7 * step),
        };
        let sine = ((step as f64 + 1.0).sin().abs() * 4_294_967_296.0) as u32;
        let sum = a
            .wrapping_add(mixed)
            .wrapping_add(block[word % 16])
            .wrapping_add(sine);
        let turned = b.wrapping_add(sum.rotate_left(ROTATIONS[round][step % 4]));
        (a, d, c, b) = (d, c, b, turned);
    }
    for (total, word) in state.iter_mut().zip([a, b, c, d]) {
        *total = total.wrapping_add(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;
    use imprint_model::Format;
    use imprint_vm::PrimitiveError::{BadArgument, NoModification};

    /// The padded block of a message of less than 56 bytes.
    fn padded(message: &str, length: impl Fn(u64) -> [u8; 8]) -> [u8; BLOCK] {
        let mut block = [0; BLOCK];
        block[..message.len()].copy_from_slice(message.as_bytes());
        block[message.len()] = 0x80;
        block[56..].copy_from_slice(&length(message.len() as u64 * 8));
        block
    }

    fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
        bytes
            .into_iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    fn word_array(world: &mut World, words: &[u32]) -> Oop {
        let bytes = words.len() * 4;
        let slots = bytes.div_ceil(8);
        let format = Format::WORDS_32.sized(bytes).1;
        let oop = world.vm.heap.allocate_old(1024, format, slots).unwrap();
        store(&mut world.vm, oop, words, u32::to_ne_bytes);
        oop
    }

    fn digest_of(world: &World, state: Oop) -> String {
        let words = world.contents(state);
        let (chunks, _) = words.as_chunks::<4>();
        hex(chunks
            .iter()
            .flat_map(|chunk| u32::from_ne_bytes(*chunk).to_be_bytes()))
    }

    #[test]
    fn md5_is_that_of_the_standard() {
        // RFC 1321, appendix A.5.
        let rows = [
            ("", "d41d8cd98f00b204e9800998ecf8427e"),
            ("abc", "900150983cd24fb0d6963f7d28e17f72"),
            ("message digest", "f96b697d7cb7938d525a2f31aaf161d0"),
        ];
        for (message, digest) in rows {
            let mut world = World::new();
            let block = world.bytes(&padded(message, u64::to_le_bytes));
            let initial = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
            let state = world.bytes(&initial.map(u32::to_le_bytes).concat());
            let name = "primitiveProcessBufferWithState";
            world.call("MD5Plugin", name, &[block, state]).unwrap();
            assert_eq!(hex(world.contents(state)), digest, "{message}");
        }
    }

    #[test]
    fn sha_1_and_sha_256_are_those_of_the_standard() {
        // FIPS 180-4 and its examples.
        let mut world = World::new();
        let block = world.bytes(&padded("abc", u64::to_be_bytes));
        let expanded = word_array(&mut world, &[0; EXPANDED]);
        let initial = [
            0x6745_2301,
            0xefcd_ab89,
            0x98ba_dcfe,
            0x1032_5476,
            0xc3d2_e1f0,
        ];
        let state = word_array(&mut world, &initial);
        let expand = [block, expanded];
        world
            .call("DSAPrims", "primitiveExpandBlock", &expand)
            .unwrap();
        let hash = [expanded, state];
        world.call("DSAPrims", "primitiveHashBlock", &hash).unwrap();
        assert_eq!(
            digest_of(&world, state),
            "a9993e364706816aba3e25717850c26c9cd0d89d"
        );
        let initial = [
            0x6a09_e667,
            0xbb67_ae85,
            0x3c6e_f372,
            0xa54f_f53a,
            0x510e_527f,
            0x9b05_688c,
            0x1f83_d9ab,
            0x5be0_cd19,
        ];
        let state = word_array(&mut world, &initial);
        let name = "primitiveSha256Block";
        world.call("ImprintPlugin", name, &[block, state]).unwrap();
        assert_eq!(
            digest_of(&world, state),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn wrong_operands_are_refused_and_nothing_changes() {
        let mut world = World::new();
        let block = world.bytes(&[0; BLOCK]);
        let short = world.bytes(&[0; 63]);
        let state = world.bytes(&[0; 16]);
        let words = word_array(&mut world, &[0; 8]);
        let expanded = word_array(&mut world, &[0; EXPANDED]);
        let nil = world.vm.heap.nil();
        let rows = [
            (
                "MD5Plugin",
                "primitiveProcessBufferWithState",
                [short, state],
            ),
            (
                "MD5Plugin",
                "primitiveProcessBufferWithState",
                [block, short],
            ),
            ("MD5Plugin", "primitiveProcessBufferWithState", [block, nil]),
            ("DSAPrims", "primitiveExpandBlock", [short, expanded]),
            ("DSAPrims", "primitiveExpandBlock", [block, words]),
            ("DSAPrims", "primitiveHashBlock", [words, words]),
            ("DSAPrims", "primitiveHashBlock", [expanded, nil]),
            ("ImprintPlugin", "primitiveSha256Block", [block, state]),
            ("ImprintPlugin", "primitiveSha256Block", [words, words]),
        ];
        for (module, name, arguments) in rows {
            world.fails(module, name, &arguments, BadArgument);
        }
        world.vm.heap.set_read_only(state, true);
        let name = "primitiveProcessBufferWithState";
        world.fails("MD5Plugin", name, &[block, state], NoModification);
        assert_eq!(world.contents(state), [0; 16]);
    }
}
