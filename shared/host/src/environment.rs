//! What the process knows: environment variables, its directory, randomness.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use imprint_model::Oop;
use imprint_vm::primitives::arguments::{bytes, check_writable, is_bytes, new_string, receiver};
use imprint_vm::{Args, Failure, Primitive, PrimitiveError, Vm};

/// Module, name and function of each primitive.
pub const PRIMITIVES: &[(&str, &str, Primitive)] = &[
    ("", "primitiveGetCurrentWorkingDirectory", working_directory),
    ("", "primitiveGetenv", variable),
    ("UUIDPlugin", "primitiveMakeUUID", make_uuid),
    (
        "SecurityPlugin",
        "primitiveGetUntrustedUserDirectory",
        user_directory,
    ),
];

/// What the image sees in place of one variable of the process, a machine's extension: drills meet it
/// set, and not set.
#[derive(Clone, PartialEq, Debug)]
pub struct Environment {
    name: Vec<u8>,
    value: Option<Vec<u8>>,
}

impl Environment {
    /// The variable has this value, or none.
    pub fn of(name: &str, value: Option<&str>) -> Environment {
        Environment {
            name: name.as_bytes().to_vec(),
            value: value.map(|value| value.as_bytes().to_vec()),
        }
    }
}

/// Name to value; nil where there is none.
fn variable(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let name = bytes(vm, args, 0)?;
    if name.is_empty() || name.iter().any(|byte| matches!(byte, 0 | b'=')) {
        return Err(PrimitiveError::BadArgument.into());
    }
    match value_of(vm, name) {
        Some(value) => new_string(vm, &value),
        None => Ok(vm.heap.nil()),
    }
}

/// The value of a variable as the image sees it.
pub(crate) fn value_of(vm: &Vm, name: &[u8]) -> Option<Vec<u8>> {
    let own = vm.extensions.get::<Environment>();
    match own.filter(|own| own.name == name) {
        Some(own) => own.value.clone(),
        None => std::env::var_os(OsStr::from_bytes(name)).map(OsString::into_vec),
    }
}

fn working_directory(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    let path = std::env::current_dir().map_err(|_| PrimitiveError::NotFound)?;
    new_string(vm, path.as_os_str().as_bytes())
}

/// Where a program may keep a user's data (XDG Base Directory Specification); it need not be there yet.
fn user_directory(vm: &mut Vm, _: Args) -> Result<Oop, Failure> {
    let is_full = |path: &Vec<u8>| path.starts_with(b"/");
    let named = value_of(vm, b"XDG_DATA_HOME").filter(is_full);
    let below_home = || Some([&value_of(vm, b"HOME")?[..], b"/.local/share"].concat());
    let folder = named.or_else(below_home).filter(is_full);
    let folder = folder.ok_or(PrimitiveError::NotFound)?;
    new_string(vm, &[&folder[..], b"/imprint"].concat())
}

/// Fills the receiver, a ByteArray of 16, with a random identifier (RFC 9562, version 4).
fn make_uuid(vm: &mut Vm, args: Args) -> Result<Oop, Failure> {
    let array = receiver(vm, args)?;
    if !is_bytes(vm, array) || vm.heap.bytes(array).len() != 16 {
        return Err(PrimitiveError::BadReceiver.into());
    }
    check_writable(vm, array)?;
    let mut uuid = random_bytes().ok_or(PrimitiveError::Unsupported)?;
    uuid[6] = uuid[6] & 0x0F | 0x40;
    uuid[8] = uuid[8] & 0x3F | 0x80;
    vm.heap.bytes_mut(array).copy_from_slice(&uuid);
    Ok(array)
}

fn random_bytes() -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .ok()
        .map(|()| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;
    use imprint_vm::PrimitiveError::{BadArgument, BadReceiver};

    #[test]
    fn variables_are_strings_or_nil() {
        let mut world = World::new();
        let path = world.string("PATH");
        let value = world.call("", "primitiveGetenv", &[path]).unwrap();
        let expected = std::env::var_os("PATH").unwrap().into_vec();
        assert_eq!(world.contents(value), expected);
        let nil = world.vm.heap.nil();
        let missing = world.string("NO_SUCH_VARIABLE_HERE");
        assert_eq!(world.call("", "primitiveGetenv", &[missing]), Ok(nil));
        for name in ["", "A=B", "A\0B"] {
            let name = world.string(name);
            world.fails("", "primitiveGetenv", &[name], BadArgument);
        }
        world.fails("", "primitiveGetenv", &[nil], BadArgument);
    }

    #[test]
    fn a_drill_may_say_what_a_variable_holds() {
        let mut world = World::new();
        let nil = world.vm.heap.nil();
        for value in [None, Some("8080")] {
            world.vm.extensions.insert(Environment::of("PATH", value));
            let path = world.string("PATH");
            let seen = world.call("", "primitiveGetenv", &[path]).unwrap();
            let text = (seen != nil).then(|| world.contents(seen));
            assert_eq!(text.as_deref(), value.map(str::as_bytes));
        }
        let home = world.string("NO_SUCH_VARIABLE_HERE");
        assert_eq!(world.call("", "primitiveGetenv", &[home]), Ok(nil));
    }

    #[test]
    fn identifiers_are_random_and_marked() {
        let mut world = World::new();
        let (one, other) = (world.bytes(&[0; 16]), world.bytes(&[0; 16]));
        for array in [one, other] {
            let answer = world.call_with_receiver("UUIDPlugin", "primitiveMakeUUID", &[array]);
            assert_eq!(answer, Ok(array));
            assert_eq!(world.contents(array)[6] >> 4, 4);
            assert_eq!(world.contents(array)[8] >> 6, 2);
        }
        assert_ne!(world.contents(one), world.contents(other));
        let short = world.bytes(&[0; 15]);
        let answer = world.call_with_receiver("UUIDPlugin", "primitiveMakeUUID", &[short]);
        assert_eq!(answer, Err(BadReceiver.into()));
    }
}
